"""The clearing, published: as an object, and as a record that anyone can work out again.

The record is kept by the store and holds the batch and its part of the book, at any size
(`../recording`). The object says what came out and pins the record by its digest; of a small book
it holds all, for who would rather look at one document. Next: `controller.py`.
"""

from __future__ import annotations

from busbar.controllers.market.inputs import Inputs
from busbar.controllers.parts.writes import create, new_object, remove
from busbar.controllers.recording.recorder import Recorder
from busbar.market.outcome import Clearing
from busbar.market.publish import batch_to_json, book_to_json, companions_to_json
from busbar.model.ids import derived_uid
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Revision, Snapshot, Transaction

PUBLISHED_MAX = 2_000
"""Rows, orders and commitments above which the object says only what came out.

Objects are in memory, and in every watch; the record is in neither.
"""


def clearing_name(now: Instant, revision: Revision) -> str:
    """Name a clearing so that names sort by time."""
    return f"c-{now:013d}-{revision}"


def record(
    snapshot: Snapshot,
    recorder: Recorder,
    name: str,
    inputs: Inputs,
    clearing: Clearing,
    now: Instant,
    kept: int,
) -> Transaction:
    """Publish a clearing, and drop the objects that are too old."""
    key = Key(GROUP, "clearings", "", name)
    orders, book = inputs.batch, inputs.book
    batch = {**batch_to_json(orders, clearing), "companions": companions_to_json(book)}
    written = recorder.write(snapshot, name, book, batch)
    if len(orders) + len(book.supplies) + len(book.occupancy) <= PUBLISHED_MAX:
        status = {**batch, **book_to_json(book)}
    else:
        status = {**batch, "orders": [], "companions": [], "omitted": True}
    status |= {"digest": written.digest, "previous": written.previous}
    obj = {**new_object(key, derived_uid("clearing", name), now), "status": status}
    known = list(snapshot.list(GROUP, "clearings"))
    old: list[Op] = [remove(obj) for obj in known[: max(0, len(known) + 1 - kept)]]
    return Transaction((create(obj), *old), records=(written.record,))
