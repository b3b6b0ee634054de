"""Moves: no old Pod ends before its replacement is ready, and nobody moves a fifth time in a day.

Next: `history.py`.
"""

from __future__ import annotations

from busbar.controllers.close import CloseReason
from busbar.controllers.moves.words import moves_of, replaced_by
from busbar.controllers.replicas.members import ready_since
from busbar.model.objects import Key, Object, is_deleting, name_of, spec_of, status_of
from busbar.model.time import DAY
from busbar.simulator.checks.base import Step, insist

MOVES_MAX = 4
"""Moves of a Pod in a day: the rule's threshold then passes what a day could save."""


class MoveCheck:
    """Looks at every contract that is told to end because its Pod has moved."""

    def __init__(self) -> None:
        self._told: set[Key] = set()
        self.moved = 0

    def look(self, step: Step) -> None:
        """Check one commit."""
        for key, obj in step.put:
            if key.resource == "contracts":
                self._contract(step, key, obj)
            elif key.resource == "pods":
                _not_too_often(obj)

    def _contract(self, step: Step, key: Key, contract: Object) -> None:
        if status_of(contract).get("reason") != CloseReason.MOVED.value or key in self._told:
            return
        self._told.add(key)
        self.moved += 1
        old = str(spec_of(contract)["order"]["name"])
        there = [
            pod
            for pod in step.view.list("", "pods", key.namespace)
            if replaced_by(pod) == old and not is_deleting(pod) and ready_since(pod) is not None
        ]
        insist(bool(there), "I10", f"pod {old} was moved away before its replacement was ready")


def _not_too_often(pod: Object) -> None:
    moves = moves_of(pod)
    for at in moves:
        recent = sum(at - DAY < other <= at for other in moves)
        insist(recent <= MOVES_MAX, "I10", f"pod {name_of(pod)} moved {recent} times in a day")
