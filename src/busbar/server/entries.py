"""Showing the journal to whoever may see it, an entry a line; the whole is never in memory.

Operators see all; a member of a namespace, or a vendor, the entries that move its money, whole:
what the other side, the exchange and its rounding got is part of a bill. Next: `money.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from busbar.ledger.entries import Sealed, namespace_of, vendor_of
from busbar.ledger.periods import Period
from busbar.model.wellknown import MEMBER_GROUP_PREFIX, OPERATORS, VENDOR_PREFIX
from busbar.server.replies import Send
from busbar.server.requests import RequestRefused
from busbar.store.contract import Store

PAGE = 1000
_encoder = msgspec.json.Encoder()


class Asked(NamedTuple):
    """Whose entries, dated when."""

    namespace: str = ""
    vendor: str = ""
    period: Period = Period(0, 2**62)

    def wants(self, sealed: Sealed) -> bool:
        """Say whether an entry is among them."""
        entry = sealed.entry
        return (
            self.period.holds(entry.at)
            and self.namespace in ("", namespace_of(entry))
            and self.vendor in ("", vendor_of(entry))
        )


def parse(query: bytes) -> Asked:
    """Read the query: namespace, vendor, from, to (milliseconds). Raises `RequestRefused`."""
    given = dict(parse_qsl(query.decode("latin-1")))
    if strange := given.keys() - {"namespace", "vendor", "from", "to"}:
        raise RequestRefused(400, f"{min(strange)}: not known; namespace, vendor, from and to are")
    try:
        period = Period(int(given.get("from", "0")), int(given.get("to", str(2**62))))
    except ValueError:
        raise RequestRefused(400, "from, to: milliseconds since 1970 are wanted") from None
    return Asked(given.get("namespace", ""), given.get("vendor", ""), period)


def check_allowed(asked: Asked, user: str, groups: tuple[str, ...]) -> None:
    """Let operators see all, members their namespace, vendors themselves; raises otherwise."""
    if OPERATORS in groups:
        return
    if asked.namespace and MEMBER_GROUP_PREFIX + asked.namespace in groups:
        return
    if asked.vendor and not asked.namespace and user == VENDOR_PREFIX + asked.vendor:
        return
    said = "only an operator may read the whole journal; name your namespace with -n"
    raise RequestRefused(403, said)


async def chosen(store: Store, asked: Asked) -> AsyncIterator[Sealed]:
    """Give the entries asked for, in sequence."""
    seq = 0
    while page := await store.journal(seq, PAGE):
        for sealed in page:
            if asked.wants(sealed):
                yield sealed
        seq = page[-1].seq


async def send_entries(send: Send, store: Store, asked: Asked) -> None:
    """Answer with the entries as JSON lines."""
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    lines: list[bytes] = []
    async for sealed in chosen(store, asked):
        lines.append(_encoder.encode(sealed) + b"\n")
        if len(lines) == PAGE:
            await _send(send, lines, more=True)
            lines = []
    await _send(send, lines, more=False)


async def _send(send: Send, lines: list[bytes], *, more: bool) -> None:
    body: dict[str, Any] = {"type": "http.response.body", "body": b"".join(lines)}
    await send({**body, "more_body": more})
