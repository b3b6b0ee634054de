"""What the Pods of a batch Job amount to: counted before, ended since, running, going.

Each Pod is counted once: it carries a finalizer until the transaction that counts it, whatever
becomes of it meanwhile. A Pod that lost its node did not fail, so it does not count as a failure;
only one that keeps losing nodes does. Next: `controller.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.batch.indexes import parse_indexes
from busbar.controllers.jobs.outcome import LOST_REASONS
from busbar.controllers.names import ANN_LOSSES, FINALIZER_TRACKING, LABEL_INDEX
from busbar.controllers.parts.displacement import was_displaced
from busbar.controllers.parts.pods import is_final, node_of, phase_of, report_of
from busbar.model.objects import (
    Object,
    annotations_of,
    condition,
    is_deleting,
    metadata,
    status_of,
)
from busbar.model.time import Instant


class Tally(NamedTuple):
    """The Pods of a Job, sorted out; counts include those of `ended`."""

    active: tuple[Object, ...]
    going: tuple[Object, ...]
    ended: tuple[Object, ...]
    """Ended and not yet counted: to be counted and freed now."""
    lost: tuple[Object, ...]
    """Those of `ended` that lost their node and get a successor."""
    succeeded: int
    failed: int
    completed: frozenset[int]
    last_failure: Instant | None

    @property
    def ready(self) -> int:
        """Give how many active Pods are ready."""
        return sum((condition(p, "Ready") or {}).get("status") == "True" for p in self.active)

    @property
    def restarts(self) -> int:
        """Give how often containers of active Pods were restarted."""
        return sum(
            int(container.get("restartCount") or 0)
            for pod in self.active
            for container in status_of(pod).get("containerStatuses") or ()
        )


def tally(job: Object, pods: list[Object], losses_max: int) -> Tally:
    """Sort the Pods of a Job out."""
    before = status_of(job)
    ended = [pod for pod in pods if is_tracked(pod) and _has_ended(pod)]
    good = [pod for pod in ended if phase_of(pod) == "Succeeded"]
    bad = [pod for pod in ended if phase_of(pod) == "Failed"]
    lost = [p for p in bad if _is_lost(p) and losses_of(p) < losses_max]
    known = parse_indexes(str(before.get("completedIndexes") or ""))
    fresh = {index for pod in good if (index := index_of(pod)) is not None}
    if _is_indexed(job):
        succeeded = len(known | fresh)
    else:
        succeeded = int(before.get("succeeded") or 0) + len(good)
    ends = [report_of(p).finished for p in pods if phase_of(p) == "Failed" and p not in lost]
    return Tally(
        active=tuple(p for p in pods if not is_final(p) and not is_deleting(p)),
        going=tuple(p for p in pods if not is_final(p) and is_deleting(p)),
        ended=tuple(ended),
        lost=tuple(lost),
        succeeded=succeeded,
        failed=int(before.get("failed") or 0) + len(bad) - len(lost),
        completed=known | fresh,
        last_failure=max((end for end in ends if end is not None), default=None),
    )


def is_tracked(pod: Object) -> bool:
    """Say whether a Pod has yet to be counted."""
    return FINALIZER_TRACKING in (metadata(pod).get("finalizers") or ())


def index_of(pod: Object) -> int | None:
    """Give the completion index of a Pod of an Indexed Job."""
    text = annotations_of(pod).get(LABEL_INDEX, "")
    return int(text) if text.isdecimal() else None


def losses_of(pod: Object) -> int:
    """Give how many nodes were lost under this piece of work."""
    text = annotations_of(pod).get(ANN_LOSSES, "0")
    return int(text) if text.isdecimal() else 0


def _has_ended(pod: Object) -> bool:
    return is_final(pod) or (is_deleting(pod) and not node_of(pod))


def _is_lost(pod: Object) -> bool:
    return str(status_of(pod).get("reason") or "") in LOST_REASONS or was_displaced(pod)


def _is_indexed(job: Object) -> bool:
    return (job.get("spec") or {}).get("completionMode") == "Indexed"
