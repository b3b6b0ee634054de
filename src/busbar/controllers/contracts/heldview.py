"""Held capacity as its controller sees it: it has run while its node was there.

There is no workload whose agent could say that it ran; what was delivered is that the node was
there, by its lease and its Ready condition: a loss dates from the last renewal of its lease, and
lasts until it is said to be ready again. Next: `held.py`.
"""

from __future__ import annotations

from busbar.controllers.contracts.view import ContractView, read_contract
from busbar.controllers.nodes import is_ready, node_key
from busbar.ledger.metering import Interval, without
from busbar.model.errors import InvalidField
from busbar.model.kinds.contract import ContractSlot, ContractStatus, Outage
from busbar.model.objects import Object, condition
from busbar.model.time import Instant, parse_instant
from busbar.store.contract import Snapshot


class HeldView(ContractView):
    """A contract without a workload: it has run while its node was there."""

    def started(self) -> Instant | None:
        """Give when the term began; None before there was room for it."""
        return None if self.status.phase == "Reserved" else self.start

    def finished(self) -> Instant | None:
        """Nobody reports an end: the term's end is known from the start."""
        return None

    @property
    def known_until(self) -> Instant:
        """Give up to when the node is known to have been there."""
        return min(self.now, self.lease.renewed) if self.lease is not None else self.start

    def observed(self) -> Interval:
        """Give the time from the begin to when the node was last known to be there."""
        return Interval(self.start, max(self.start, min(self.known_until, self.end)))

    def parts(self, slot: ContractSlot) -> list[Interval]:
        """Give the parts of a slot in which the node was there."""
        if self.started() is None:
            return []
        whole = Interval(slot.start_ms, slot.end_ms).meet(self.observed())
        return without(whole, outages_of(self.status))


def outages_of(status: ContractStatus) -> list[Interval]:
    """Give when held capacity was not there; what still lasts, without an end."""
    return [
        Interval(o.from_ms, _NEVER if o.until_ms is None else o.until_ms) for o in status.outages
    ]


_NEVER = 2**62


def read_held(snapshot: Snapshot, obj: Object, now: Instant) -> HeldView:
    """Read a contract that holds capacity, and note when its node was lost and found again.

    What is noted is in the view's status, for whoever writes it.
    """
    view = HeldView(*read_contract(snapshot, obj, now)._replace(pod=None))
    node, status = snapshot.get(node_key(view.spec.node)), view.status
    if node is None or status.phase == "Reserved":
        return view
    lasts = bool(status.outages) and status.outages[-1].until_ms is None
    if not is_ready(node) and not lasts:
        status.outages = [*status.outages, Outage(max(view.start, view.known_until))]
    elif is_ready(node) and lasts:
        begun, back = status.outages[-1].from_ms, _ready_since(node, now)
        status.outages = [*status.outages[:-1], Outage(begun, max(begun, back))]
    return view


def _ready_since(node: Object, now: Instant) -> Instant:
    """Give when a node was found again."""
    try:
        at = (condition(node, "Ready") or {}).get("lastTransitionTime")
        return min(now, parse_instant(at, "lastTransitionTime"))
    except InvalidField:
        return now
