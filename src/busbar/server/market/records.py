"""The public record over HTTP: which records there are, and each as it is kept.

    GET /market/v1/records?before=NAME&limit=N   {"records": [{"name", "bytes"}]}, the latest first
    GET /market/v1/records/NAME                  the record, gzip

A record goes out packed, as it lies in the store: one at a time is in memory, none on the event
loop's time. Next: `../retention.py`, which lets old ones go.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from busbar.apis.kubernetes.authorization import Attributes, authorize, role_of
from busbar.apis.kubernetes.ports import Identity
from busbar.model.wellknown import GROUP
from busbar.server.requests import RequestRefused
from busbar.store.contract import Store

LIMIT_MAX = 1_000
KIND = b"application/gzip"


def may_read(identity: Identity) -> None:
    """Refuse who may not read clearings."""
    verdict = authorize(role_of(identity), Attributes("list", GROUP, "clearings"))
    if not verdict.allowed:
        raise RequestRefused(403, verdict.reason or "only who may list clearings reads records")


async def listed(store: Store, query: bytes) -> dict[str, Any]:
    """Give a page of records, from the latest back."""
    before, limit = "", LIMIT_MAX
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "before":
            before = value
        elif name == "limit":
            limit = _limit(value)
        else:
            raise RequestRefused(400, f"records are listed by before and limit, not by {name!a}")
    found = await store.records(before, limit)
    return {"records": [{"name": one.name, "bytes": one.size} for one in found]}


def _limit(value: str) -> int:
    fits = value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= LIMIT_MAX
    if not fits:
        raise RequestRefused(400, f"limit must be a number from 1 to {LIMIT_MAX}")
    return int(value)


async def packed(store: Store, name: str) -> bytes:
    """Give a record as it is kept."""
    found = await store.record(name)
    if found is None:
        raise RequestRefused(404, f"there is no record {name!a}; old ones are dropped")
    return found
