"""A contract whose slot has not begun. Next: `running.py`."""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.close import CloseReason
from busbar.controllers.contract import Decision, decide
from busbar.controllers.contracts.closing import Case
from busbar.controllers.contracts.gangs import all_can_start, is_whole, read_all, still_reserved
from busbar.controllers.contracts.ground import stands
from busbar.controllers.contracts.held import begun
from busbar.controllers.contracts.room import room_for
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.nodes import is_ready, keeps_promises, node_key
from busbar.controllers.parts.binding import bound
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import unchanged, update, with_status
from busbar.model.objects import Object, condition, name_of
from busbar.model.time import SECOND
from busbar.store.contract import Op


class ReservedCase(Case):
    """One reconcile of a contract that waits for its slot."""

    __slots__ = ()

    def decide(self) -> Decision:
        """Wait for the slot, then bind the Pod."""
        view = self.view
        if view.is_over or view.is_stopping:
            return self._close(CloseReason(view.status.reason or CloseReason.DELETED))
        if view.is_reclaimed:
            return self._close(view.reclaim_reason)
        if view.spec.seller and view.status.reason:  # What it was sold is gone, see `ground.py`.
            return self._close(CloseReason(view.status.reason))
        others = self._together()
        if not is_whole(view, others):
            return self._close(CloseReason.GANG_BROKEN)
        if view.now < view.start:
            return Decision(requeue_at=view.start)
        if view.spec.plan and self.standing.at(self.snapshot).contracts.pieces_before(view.obj):
            return self._after_the_piece_before()
        node = self.snapshot.get(node_key(view.spec.node))
        if node is None:
            return self._close(self.evidence.of_loss(self.snapshot, view))
        if not keeps_promises(node) or not self._has_room(node):
            return self._not_yet(node)
        starting = [view, *read_all(self.snapshot, still_reserved(others), view.now)]
        if not self._can_start(starting):
            return self._not_together()
        return decide(
            *(op for one in starting for op in self._begin(one)),
            note=f"contract {self.view.full_name}: slot began, {len(starting)} bound",
        )

    def _can_start(self, starting: list[ContractView]) -> bool:
        """Say whether a gang can start; a contract that stands alone has been looked at."""
        if len(starting) == 1:
            return True
        return all_can_start(self.snapshot, self.standing.at(self.snapshot), starting)

    def _has_room(self, node: Object) -> bool:
        """Say whether its room is free, and, where it was sold again, held."""
        there = list(self._there())
        has_ground = not self.view.spec.seller or stands(there, self.view.obj, self.view.now)
        return has_ground and room_for(there, [self.view], node)

    def _after_the_piece_before(self) -> Decision:
        """The piece before has not ended for certain: the work never runs in two places at once."""
        if self.view.now < self.view.end:
            return Decision(requeue_at=self.view.now + SECOND)
        return self._close(CloseReason.NOT_DELIVERED)

    def _not_together(self) -> Decision:
        """Another member cannot start yet: wait for it as long as for one that runs late."""
        since = max(self.view.start, self.evidence.listening.since)
        if self.view.now < since + self.settings.late_ms:
            return Decision(requeue_at=self.view.now + 5 * SECOND)
        return self._close(CloseReason.GANG_BROKEN)

    def _begin(self, view: ContractView) -> Iterable[Op]:
        node = self.snapshot.get(node_key(view.spec.node))
        assert node is not None
        if view.spec.procurement:
            return (*begun(view), unchanged(node))
        assert view.pod is not None
        pod = bound(view.pod, view.spec.node, name_of(view.obj), view.spec.epoch, view.now)
        said = f"The reserved slot has begun: bound to node {view.spec.node}."
        return (
            *update(view.obj, with_status(view.obj, phase="Bound")),
            *update(view.pod, pod),
            unchanged(node),
            event(self.snapshot, view.pod, view.now, "Scheduled", said),
        )

    def _not_yet(self, node: Object) -> Decision:
        """The node cannot take it up at the slot's start: wait a little, as for one that runs."""
        view = self.view
        since = max(view.start, self.evidence.listening.since)
        if not is_ready(node):
            lost = since if view.lease is None else max(since, view.lease.expires)
            due, reason = lost + self.settings.fencing_ms, self.evidence.of_loss
            if view.now < view.end and (view.now < due or _is_one_of_most(node)):
                return Decision(requeue_at=view.now + 5 * SECOND)
            return self._close(reason(self.snapshot, view))
        if view.now < since + self.settings.late_ms:
            return Decision(requeue_at=view.now + 5 * SECOND)
        return self._close(CloseReason.NOT_DELIVERED)


def _is_one_of_most(node: Object) -> bool:
    """Say whether the node is one of most that are out of reach: nobody is evicted then."""
    stopped = condition(node, "EvictionsStopped")
    return stopped is not None and stopped.get("status") == "True"
