"""Moves: no old Pod ends before its replacement is ready, and nobody moves a fifth time in a day;
nor outside of its move hours for a saving, nor for less than the threshold.

Next: `history.py`.
"""

from __future__ import annotations

import json

from busbar.controllers.close import CloseReason
from busbar.controllers.moves.words import ANN_WEIGHED, moves_of, replaced_by
from busbar.controllers.replicas.members import ready_since
from busbar.market.hours import is_wanted, parse_hours
from busbar.market.moves import RULE, Why
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import DAY
from busbar.model.wellknown import ANN_MOVE_HOURS
from busbar.simulator.checks.base import Step, insist

MOVES_MAX = 4
"""Moves of a Pod in a day: the rule's threshold then passes what a day could save."""


class MoveCheck:
    """Looks at every contract that is told to end because its Pod has moved."""

    def __init__(self) -> None:
        self._told: set[Key] = set()
        self._known: set[str] = set()
        """Replacements, by uid."""
        self.moved = 0

    def look(self, step: Step) -> None:
        """Check one commit."""
        for key, obj in step.put:
            if key.resource == "contracts":
                self._contract(step, key, obj)
            elif key.resource == "pods":
                _not_too_often(obj)
                self._for_a_saving(step, key, obj)

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

    def _for_a_saving(self, step: Step, key: Key, pod: Object) -> None:
        """Check why a replacement is made, when it is made."""
        text = annotations_of(pod).get(ANN_WEIGHED)
        if text is None or uid_of(pod) in self._known:
            return
        self._known.add(uid_of(pod))
        move = json.loads(text)
        if move["why"] != Why.CHEAPER.value:
            return
        wanted = move["threshold"] * move["disruptionNano"]
        enough = move["savingNano"] >= wanted and move["threshold"] >= RULE.threshold
        insist(enough, "I10", f"pod {move['pod']} is moved for less than the threshold")
        hours = annotations_of(_deployment_of(step, key, pod)).get(ANN_MOVE_HOURS)
        is_open = hours is None or is_wanted(parse_hours(hours, ANN_MOVE_HOURS), step.now, 0)
        insist(is_open, "I10", f"pod {move['pod']} is moved for a saving outside of its move hours")


def _deployment_of(step: Step, key: Key, pod: Object) -> Object:
    """Give the Deployment that a Pod's set belongs to, as it is now."""
    at: Object = pod
    for resource in ("replicasets", "deployments"):
        owner = controller_of(at) or {}
        at = step.view.get(Key("apps", resource, key.namespace, str(owner.get("name")))) or {}
    return at


def _not_too_often(pod: Object) -> None:
    moves = moves_of(pod)
    for at in moves:
        recent = sum(at - DAY < other <= at for other in moves)
        insist(recent <= MOVES_MAX, "I10", f"pod {name_of(pod)} moved {recent} times in a day")
