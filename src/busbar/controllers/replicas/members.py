"""The Pods of a ReplicaSet, sorted out: active, ready, available, going, ended.

Next: `choice.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.jobs.outcome import LOST_REASONS
from busbar.controllers.moves.words import replaced_by
from busbar.controllers.parts.displacement import was_displaced
from busbar.controllers.parts.pods import is_final, node_of, report_of
from busbar.model.errors import InvalidField
from busbar.model.labels import selects
from busbar.model.objects import (
    Object,
    condition,
    is_deleting,
    labels_of,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.time import SECOND, Instant, parse_instant


class Members(NamedTuple):
    """The Pods of a ReplicaSet."""

    active: tuple[Object, ...]
    """Those that count: replacements of Pods that still run do not."""
    going: tuple[Object, ...]
    ended: tuple[Object, ...]
    standing_in: tuple[Object, ...] = ()
    """Replacements of active Pods: one more than counts, until the move is done."""

    @property
    def lost(self) -> tuple[Object, ...]:
        """Give those of `ended` that failed through their node and not through themselves."""
        return tuple(pod for pod in self.ended if is_lost(pod))

    @property
    def failed(self) -> tuple[Object, ...]:
        """Give those of `ended` that ended by themselves."""
        return tuple(pod for pod in self.ended if not is_lost(pod))


def sort_out(pods: Iterable[Object]) -> Members:
    """Sort the Pods of a ReplicaSet out."""
    active, going, ended = list[Object](), list[Object](), list[Object]()
    for pod in pods:
        if is_deleting(pod):
            going.append(pod)
        elif is_final(pod):
            ended.append(pod)
        else:
            active.append(pod)
    there = {name_of(pod) for pod in active}
    extra = [pod for pod in active if replaced_by(pod) in there]
    counted = tuple(pod for pod in active if pod not in extra) if extra else tuple(active)
    return Members(counted, tuple(going), tuple(ended), tuple(extra))


def is_lost(pod: Object) -> bool:
    """Say whether a Pod failed through its node."""
    return str(status_of(pod).get("reason") or "") in LOST_REASONS or was_displaced(pod)


def ended_at(pod: Object) -> Instant:
    """Give when a Pod ended, 0 where nobody said."""
    return report_of(pod).finished or 0


def ready_since(pod: Object) -> Instant | None:
    """Give since when a Pod is ready; None where it is not."""
    told = condition(pod, "Ready") or {}
    if told.get("status") != "True" or not node_of(pod):
        return None
    try:
        return parse_instant(told.get("lastTransitionTime"), "lastTransitionTime")
    except InvalidField:
        return 0


def available_from(pod: Object, owner: Object) -> Instant | None:
    """Give when a Pod counts as available: ready for `minReadySeconds`; None if not ready."""
    since, seconds = ready_since(pod), spec_of(owner).get("minReadySeconds")
    if since is None:
        return None
    return since + (seconds * SECOND if isinstance(seconds, int) else 0)


def is_available(pod: Object, owner: Object, now: Instant) -> bool:
    """Say whether a Pod is available."""
    at = available_from(pod, owner)
    return at is not None and at <= now


def carries_template_labels(pod: Object, replica_set: Object) -> bool:
    """Say whether a Pod has all labels of the template."""
    template = spec_of(replica_set).get("template") or {}
    return selects({"matchLabels": labels_of(template)}, labels_of(pod))
