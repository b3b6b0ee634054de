"""A contract as its controller sees it: spec, status, Pod and lease at one revision.

Next: `money.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contract import earliest
from busbar.controllers.parts.leases import NodeLease, lease_of
from busbar.controllers.parts.pods import is_final, pod_key, report_of
from busbar.ledger.metering import Interval, delivered
from busbar.model.kinds.contract import ContractSlot, ContractSpec, ContractStatus
from busbar.model.money import format_euro
from busbar.model.objects import (
    Object,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.store.contract import Snapshot


class ContractView(NamedTuple):
    """Everything that a decision about a contract rests on."""

    obj: Object
    spec: ContractSpec
    status: ContractStatus
    pod: Object | None
    lease: NodeLease | None
    now: Instant

    @property
    def uid(self) -> str:
        """Give the contract's uid: what its entries in the journal refer to."""
        return uid_of(self.obj)

    @property
    def namespace(self) -> str:
        """Give the consumer's namespace."""
        return namespace_of(self.obj)

    @property
    def full_name(self) -> str:
        """Give what logs call it."""
        return f"{self.namespace}/{name_of(self.obj)}"

    @property
    def start(self) -> Instant:
        """Give when the reserved term begins."""
        return self.spec.slots[0].start_ms

    @property
    def end(self) -> Instant:
        """Give when the reserved term ends."""
        return self.spec.slots[-1].end_ms

    @property
    def limit(self) -> Instant | None:
        """Give beyond what it may not be extended: its deadline, or its vendor's reclaim."""
        return earliest(self.spec.not_after_ms, self.status.reclaim_at_ms)

    @property
    def is_reclaimed(self) -> bool:
        """Say whether the vendor's time to take its capacity back has come."""
        at = self.status.reclaim_at_ms
        return at is not None and at <= max(self.now, self.start)

    @property
    def reclaim_reason(self) -> CloseReason:
        """Say how a contract ends that its vendor takes back: as agreed, or early."""
        at, bound = self.status.reclaim_at_ms, self.status.notice_until_ms
        kept = at is not None and bound is not None and at >= bound
        return CloseReason.RECLAIMED if kept else CloseReason.WITHDRAWN_EARLY

    def said_of(self, reason: CloseReason) -> str:
        """Give the sentence for an end: what was said ahead, where that has come."""
        asked = self.status.message if self.status.reason == reason.value else ""
        return asked or SENTENCES[reason]

    def price(self, more: tuple[ContractSlot, ...] = ()) -> str:
        """Give the price of the latest slot that has begun; of the first, before any has."""
        slots = (*self.spec.slots, *more)
        begun = [slot for slot in slots if slot.start_ms <= self.now]
        return format_euro((begun[-1] if begun else slots[0]).price_nano)

    @property
    def is_over(self) -> bool:
        """Say whether the workload has ended, or is gone."""
        return self.pod is None or is_final(self.pod)

    @property
    def is_stopping(self) -> bool:
        """Say whether the workload was asked to end."""
        return self.pod is not None and is_deleting(self.pod)

    @property
    def known_until(self) -> Instant:
        """Give up to when the workload is known to have run, if it did not report its end.

        The node's lease bounds it, and so does the last report on the workload itself: one that
        ended unheard looks like one that runs. Of one that nobody reported on, nothing is known: a
        node that was out of reach may still tell that it started and ended long ago.
        """
        bounds = [self.now]
        if self.lease is not None:
            bounds.append(self.lease.renewed)
        report = report_of(self.pod) if self.pod is not None else None
        if report is not None and report.observed is not None:
            bounds.append(report.observed)
        elif self.started() is None:
            bounds.append(self.start)
        return min(bounds)

    def started(self) -> Instant | None:
        """Give when the workload started: the first report under this epoch counts."""
        if self.status.started_ms is not None:
            return self.status.started_ms
        report = report_of(self.pod) if self.pod is not None else None
        if report is None or report.started is None or report.epoch != self.spec.epoch:
            return None
        return min(max(report.started, self.start), self.now)

    def finished(self) -> Instant | None:
        """Give the end as its agent reported it, under this epoch."""
        report = report_of(self.pod) if self.pod is not None else None
        if report is None or report.epoch != self.spec.epoch:
            return None
        return report.finished

    def observed(self) -> Interval:
        """Give the interval that was delivered so far, as far as it may be believed."""
        reported = self.finished()
        # A reported end was reported by a living node; without one, the lease is the bound.
        bound = None if reported is not None else self.known_until
        return delivered(self.started(), reported, now=self.now, leased_until=bound)

    def parts(self, slot: ContractSlot) -> list[Interval]:
        """Give the parts of a slot that were delivered, in time order: one, or none."""
        if self.started() is None:
            return []
        part = Interval(slot.start_ms, slot.end_ms).meet(self.observed())
        return [part] if part.ms else []


def read_contract(snapshot: Snapshot, obj: Object, now: Instant) -> ContractView:
    """Read a contract, its Pod (if it is still the one of the match) and its node's lease."""
    spec = msgspec.convert(spec_of(obj), ContractSpec)
    status = msgspec.convert(status_of(obj), ContractStatus)
    pod = snapshot.get(pod_key(namespace_of(obj), spec.order.get("name", "")))
    if pod is not None and uid_of(pod) != spec.order.get("uid"):
        pod = None
    return ContractView(obj, spec, status, pod, lease_of(snapshot, spec.node, now), now)
