"""What has ended and is kept to be looked at: for a while, or until there is too much of it.

- A finished batch Job with `ttlSecondsAfterFinished` goes when that time is over, with its Pods.
  (Jobs of busbar.dev see to that themselves.)
- Of finished Pods that nobody owns, or whose owners are gone or of no kind served here, the latest
  are kept, the others go. Pods of a Job stay with their Job.

Contracts and journal do not go with them. Sources: kubernetes.io, "Automatic Cleanup for Finished
Jobs"; kube-controller-manager's `--terminated-pod-gc-threshold`. Next: `garbage.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.garbage import is_served, lives
from busbar.controllers.parts.deletion import delete
from busbar.controllers.parts.pods import describe, is_final, report_of
from busbar.controllers.settings import Settings
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, condition, is_deleting, metadata, name_of, spec_of
from busbar.model.time import SECOND, Instant, parse_instant
from busbar.store.contract import Event, EventType, Snapshot, Transaction

PODS: Collection = ("", "pods")
BATCH_JOBS: Collection = ("batch", "jobs")
FINISHED = Key("finished", "pods", "", "all")
REMOVED_AT_ONCE = 500
"""Pods removed by one decision; the next follows at once."""


class FinishedJobController:
    """Deletes batch Jobs that have outlived their `ttlSecondsAfterFinished`."""

    name = "finishedjobs"
    watches: tuple[Collection, ...] = (BATCH_JOBS,)
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        del settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a Job that names a time."""
        gone = event.type is EventType.DELETED
        return () if gone or expiry_of(event.obj) is None else (event.key,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Delete it if its time has come, else come back then."""
        job = snapshot.get(key)
        due = expiry_of(job) if job is not None else None
        if job is None or due is None or is_deleting(job):
            return NOTHING
        if now < due:
            return Decision(requeue_at=due)
        return decide(*delete(job, now), note=f"{key} outlived its time: deleted")


def expiry_of(job: Object) -> Instant | None:
    """Give when a batch Job goes; None where it has not finished or names no time."""
    ttl = spec_of(job).get("ttlSecondsAfterFinished")
    ends = [c for kind in ("Complete", "Failed") if (c := condition(job, kind)) is not None]
    said = next((c.get("lastTransitionTime") for c in ends if c.get("status") == "True"), None)
    if not isinstance(ttl, int) or said is None:
        return None
    try:
        return parse_instant(said, "status.conditions[].lastTransitionTime") + ttl * SECOND
    except InvalidField:
        return None


class FinishedPodController:
    """Keeps the latest of the finished Pods that nobody owns."""

    name = "finishedpods"
    watches: tuple[Collection, ...] = (PODS,)
    coalesce_ms = 20 * SECOND
    """It looks at every Pod, and nobody waits for it."""

    def __init__(self, settings: Settings) -> None:
        self._kept = settings.finished_pods_kept

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake for a Pod that has ended."""
        ended = event.type is not EventType.DELETED and is_final(event.obj)
        return (FINISHED,) if ended and not is_deleting(event.obj) else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Delete the oldest beyond what is kept."""
        ended = [pod for pod in snapshot.list(*PODS) if _is_left_behind(snapshot, pod)]
        if len(ended) <= self._kept:
            return NOTHING
        ended.sort(key=_ended_at)
        beyond = len(ended) - self._kept
        oldest = ended[: min(beyond, REMOVED_AT_ONCE)]
        note = f"{len(oldest)} finished pods removed, such as {describe(oldest[0])}"
        note += f"; {self._kept} are kept"
        removed = tuple(Transaction(delete(pod, now)) for pod in oldest)
        return Decision(removed, now if beyond > len(oldest) else None, note)


def _is_left_behind(snapshot: Snapshot, pod: Object) -> bool:
    """Say whether a Pod has ended, is settled and counted, and belongs to nobody."""
    meta = metadata(pod)
    if not is_final(pod) or is_deleting(pod) or meta.get("finalizers"):
        return False
    owners = meta.get("ownerReferences") or ()
    return not any(is_served(owner) and lives(snapshot, pod, owner) for owner in owners)


def _ended_at(pod: Object) -> tuple[Instant, str, str]:
    finished = report_of(pod).finished
    meta = metadata(pod)
    try:
        created = parse_instant(meta.get("creationTimestamp"), "metadata.creationTimestamp")
    except InvalidField:
        created = 0
    return finished or created, str(meta.get("namespace")), name_of(pod)
