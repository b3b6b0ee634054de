"""The doors besides the Kubernetes one, opened over what the server has. Next: `main.py`."""

from __future__ import annotations

from typing import Any


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return


def registry_app(images: Any, user_of: Any) -> Any:
    return _nothing


async def open_s3(*a: Any) -> Any:
    return _nothing
