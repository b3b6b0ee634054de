"""Which Pods of a ReplicaSet go first when there are too many.

Who has no place yet before who has one, who is not ready before who is, the cheaper deletion cost,
who has been ready for the shorter time, who restarted more often, the younger. Ties go by name.
Source: kubernetes.io, "ReplicaSet", "Scaling a ReplicaSet". Next: `podspec.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.names import ANN_DELETION_COST
from busbar.controllers.parts.pods import node_of, phase_of
from busbar.controllers.replicas.members import ready_since
from busbar.model.objects import Object, annotations_of, metadata, name_of, status_of

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST_MAX = 2**31 - 1


def first_to_go(pods: Iterable[Object], count: int) -> list[Object]:
    """Give the `count` Pods that go first."""
    return sorted(pods, key=_rank)[: max(0, count)]


def _rank(pod: Object) -> tuple[Any, ...]:
    since = ready_since(pod)
    return (
        bool(node_of(pod)),
        _PHASES.get(phase_of(pod), 1),
        since is not None,
        deletion_cost(pod),
        -(since or 0),
        -_restarts(pod),
        _reversed(str(metadata(pod).get("creationTimestamp") or "")),
        name_of(pod),
    )


def deletion_cost(pod: Object) -> int:
    """Give what its author says a Pod's deletion costs; 0 where nothing that can be read."""
    text = annotations_of(pod).get(ANN_DELETION_COST, "0")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 10:
        return 0
    return max(-_COST_MAX, min(int(text), _COST_MAX))


def _restarts(pod: Object) -> int:
    containers = status_of(pod).get("containerStatuses") or ()
    return sum(int(one.get("restartCount") or 0) for one in containers)


def _reversed(text: str) -> tuple[int, ...]:
    """Order texts from the last to the first."""
    return tuple(-ord(char) for char in text)
