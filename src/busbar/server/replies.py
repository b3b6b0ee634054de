"""How the control plane's own small applications answer: one whole body. Next: `joining.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Send = Callable[[Any], Awaitable[None]]


async def reply(send: Send, status: int, body: bytes, kind: bytes) -> None:
    """Send a body of a content type."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def reply_json(send: Send, status: int, document: Any) -> None:
    """Send a document as JSON."""
    await reply(send, status, msgspec.json.encode(document), b"application/json")
