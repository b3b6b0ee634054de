"""Through whom a workload ended that its node did not finish. Next: `closing.py`.

A node that fell silent is its vendor's affair, unless the exchange itself was away, or most nodes
were silent at once: then the fault is nearer to the exchange, whatever the node says of it.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.listening import Listening
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.leases import DEFAULT_DURATION_MS
from busbar.controllers.parts.pods import POD_NODE_LOST
from busbar.controllers.settings import Settings
from busbar.controllers.silences import Silences
from busbar.model.objects import status_of
from busbar.model.time import Instant
from busbar.store.contract import Snapshot

_BY_POD: dict[str, CloseReason] = {
    POD_NODE_LOST: CloseReason.NODE_LOST,
    "LeaseLost": CloseReason.NODE_LOST,
    "NodeRestarted": CloseReason.NODE_LOST,
    "NodeDrained": CloseReason.WITHDRAWN_EARLY,
    "RuntimeFailed": CloseReason.NODE_FAULT,
    "DiskFull": CloseReason.NODE_FAULT,
    "AgentFault": CloseReason.NODE_FAULT,
    "StaleEpoch": CloseReason.OUT_OF_REACH,
}
"""What `status.reason` of a failed Pod means for its contract; all others are the workload's."""


class Evidence(NamedTuple):
    """What tells a node's fault from one near the exchange."""

    settings: Settings
    listening: Listening
    silences: Silences

    def of_pod(self, snapshot: Snapshot, view: ContractView) -> CloseReason:
        """Give the reason of a Pod that failed."""
        said = str(status_of(view.pod or {}).get("reason") or "")
        reason = _BY_POD.get(said, CloseReason.FAILED)
        return self.of_loss(snapshot, view) if reason is CloseReason.NODE_LOST else reason

    def of_loss(self, snapshot: Snapshot, view: ContractView) -> CloseReason:
        """Give `NodeLost`, or `OutOfReach` where the silence was not the node's own."""
        lease = view.lease
        lost_at = view.observed().end if view.started() is not None else view.now
        if lease is not None:
            lost_at = min(lost_at, max(lease.expires, view.start))
        duration = DEFAULT_DURATION_MS if lease is None else lease.duration_ms
        is_removed = snapshot.get(node_key(view.spec.node)) is None  # Only an operator can.
        is_ours = is_removed or lost_at < self.listening.since
        since, until = lost_at - duration, lost_at + duration + self.settings.fencing_ms
        if is_ours or self.silences.at(snapshot).were_most(since, until):
            return CloseReason.OUT_OF_REACH
        return CloseReason.NODE_LOST

    def of_late_start(self, snapshot: Snapshot, view: ContractView) -> CloseReason:
        """Give why a workload was never started: its node says nothing of it, or tried."""
        told = status_of(view.pod or {})
        if told.get("containerStatuses") or told.get("initContainerStatuses"):
            return CloseReason.NEVER_STARTED
        if self.silences.at(snapshot).were_most(view.start, view.now):
            return CloseReason.OUT_OF_REACH
        return CloseReason.NOT_TAKEN_UP

    def never_started_due(self, start: Instant) -> Instant:
        """Give when it is too late for a start: nobody could report one while we were away."""
        return max(start, self.listening.since) + self.settings.never_started_ms
