"""A place that is held for a driver goes on as long as the driver runs, as the driver itself does.

Its contract rolls from slot to slot at what its own offer asks, within the cap, before work that is
only reserved; so the Pods that the driver made are never without the room they draw on. It rolls
earlier than work does: who draws is given the next hour out of what is held. Next: `heldview.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.contracts.extending import end_of, foreseen, is_news, next_look, pay
from busbar.controllers.contracts.rolling import Next, next_slots, with_slots
from busbar.controllers.contracts.room import Yielded, give_way
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.parts.events import event
from busbar.controllers.places import driver_of
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.ledger.entries import Entry
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import Key, Object, is_deleting
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Snapshot

AHEAD = 3
"""How many times as long before its end as work it rolls."""


class Rolled(NamedTuple):
    """What makes a place go on: the contract with its new slots, and what goes with them."""

    contract: Object
    changes: Mapping[str, Any] = MappingProxyType({})
    ops: tuple[Op, ...] = ()
    entries: tuple[Entry, ...] = ()
    due: Instant | None = None


def rolled(
    snapshot: Snapshot,
    standing: Standing,
    settings: Settings,
    view: ContractView,
    held_nano: int,
) -> Rolled:
    """Let a place go on, where its driver does and its end is near; `held_nano` is its hold."""
    driver, wanted = driver_of(snapshot, view.obj), view.now + AHEAD * settings.roll_ahead_ms
    if driver is None or view.end > wanted:
        due = None if driver is None else view.end - AHEAD * settings.roll_ahead_ms
        return Rolled(view.obj, due=due)
    spent = standing.contracts.spent(view.namespace, view.now)
    more = _next(snapshot, standing, view._replace(pod=driver), wanted, spent)
    paid = pay(snapshot, view, more, held_nano, spent)
    gone = _displaced(snapshot, standing, settings, view, more.slots) if more.slots else Yielded()
    ops, entries = [*paid.ops, *gone.ops], (*paid.entries, *gone.entries)
    if is_news(view, more):
        end = format_instant(end_of(view, more))
        said = f"A place on {view.spec.node} ends at {end}: {more.message}"
        ops.append(event(snapshot, driver, view.now, "PlaceEnding", said, warning=True))
    changes = {**paid.changes, **foreseen(view, more)}
    due = next_look(view, more, AHEAD * settings.roll_ahead_ms)
    return Rolled(with_slots(view.obj, more.slots), changes, tuple(ops), entries, due)


def _next(
    snapshot: Snapshot, standing: Standing, view: ContractView, wanted: Instant, spent: int
) -> Next:
    """Give the next slots; none where nobody keeps the place any more."""
    key = Key(GROUP, "procurements", view.namespace, view.spec.procurement)
    keeper = snapshot.get(key)
    if keeper is None or is_deleting(keeper):
        why = f"Procurement {view.spec.procurement} was deleted."
        return Next((), 0, CloseReason.TERM_ENDED, why)
    return next_slots(snapshot, standing, view, wanted, spent)


def _displaced(
    snapshot: Snapshot,
    standing: Standing,
    settings: Settings,
    view: ContractView,
    slots: tuple[ContractSlot, ...],
) -> Yielded:
    """Close what was sold forward and has no room beside a place that goes on."""
    there = standing.contracts.on(view.spec.node)
    together = standing.company.started_together
    return give_way(snapshot, there, view, slots, settings.fee_ppm, together)


def why_over(view: ContractView) -> CloseReason:
    """Say why a place ends with its term: what kept it from going on, else the term."""
    asked = view.status.reason
    return CloseReason(asked) if asked else CloseReason.TERM_ENDED
