"""The clearing, published: book, rule and outcome, so that anyone can compute it again.

Next: `controller.py`.
"""

from __future__ import annotations

from busbar.controllers.market.inputs import Inputs
from busbar.controllers.parts.writes import create, new_object, remove
from busbar.market.book import Book
from busbar.market.outcome import Clearing
from busbar.market.publish import clearing_to_json
from busbar.model.ids import derived_uid
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Revision, Snapshot, Transaction

PUBLISHED_MAX = 2_000
"""Rows, orders and commitments above which a clearing says only what came out.

The book would fill the store.
"""


def clearing_name(now: Instant, revision: Revision) -> str:
    """Name a clearing so that names sort by time."""
    return f"c-{now:013d}-{revision}"


def record(
    snapshot: Snapshot, name: str, inputs: Inputs, clearing: Clearing, now: Instant, kept: int
) -> Transaction:
    """Publish a clearing, and drop those that are too old."""
    key = Key(GROUP, "clearings", "", name)
    orders = inputs.batch
    book = inputs.book
    small = len(orders) + len(book.supplies) + len(book.occupancy) <= PUBLISHED_MAX
    if small:
        status = clearing_to_json(book, orders, clearing)
    else:
        status = {**clearing_to_json(Book.build(()), (), clearing), "omitted": True}
    obj = {**new_object(key, derived_uid("clearing", name), now), "status": status}
    known = list(snapshot.list(GROUP, "clearings"))
    old: list[Op] = [remove(obj) for obj in known[: max(0, len(known) + 1 - kept)]]
    return Transaction((create(obj), *old))
