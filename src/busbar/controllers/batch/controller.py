"""The batch Job controller: as many Pods as are wanted, each counted once. Next: `../market/`.

One reconcile makes one transaction: counts, Pods freed, Pods made and Pods deleted change
together, so a crash can neither lose a count nor make a Pod twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from busbar.controllers.batch.indexes import format_indexes
from busbar.controllers.batch.podspec import next_pod
from busbar.controllers.batch.tally import Tally, index_of, is_tracked, losses_of, tally
from busbar.controllers.contract import Collection, Decision, decide, earliest
from busbar.controllers.names import FINALIZER_TRACKING
from busbar.controllers.parts.avoidance import avoided_after
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.deletion import delete, delete_pod, release
from busbar.controllers.parts.events import event
from busbar.controllers.parts.pods import node_of
from busbar.controllers.parts.writes import create, update, with_status
from busbar.controllers.settings import Settings
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    condition,
    controller_of,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import SECOND, Instant, format_instant, parse_instant
from busbar.model.wellknown import ANN_AVOID
from busbar.store.contract import Event, Op, Snapshot, Transaction

JOBS: Collection = ("batch", "jobs")
PODS_MAX = 100
"""Pods made in one decision; the next follows at once."""


class BatchJobController:
    """Runs the Pods of batch/v1 Jobs and writes their status."""

    name = "batchjobs"
    watches: tuple[Collection, ...] = (JOBS, ("", "pods"))
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a Job for itself and for its Pods."""
        if event.key.resource == "jobs":
            return (event.key,) if event.key.group == "batch" else ()
        owner = controller_of(event.obj)
        if owner and owner.get("kind") == "Job" and owner["apiVersion"].startswith("batch/"):
            return (Key(*JOBS, event.key.namespace, str(owner["name"])),)
        return ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one Job."""
        job = snapshot.get(key)
        pods = [p for p in snapshot.list("", "pods", key.namespace) if _belongs(p, key, job)]
        if job is None or is_deleting(job):
            freed = tuple(Transaction(ops) for p in pods if (ops := release(p, FINALIZER_TRACKING)))
            return Decision(freed, None, f"{key}: freed {len(freed)} pods" if freed else "")
        counted = tally(job, pods, self._settings.losses_max)
        return _Case(self._settings, snapshot, job, counted, now).decide()


def _belongs(pod: Object, key: Key, job: Object | None) -> bool:
    owner = controller_of(pod) or {}
    if owner.get("kind") != "Job" or not str(owner.get("apiVersion")).startswith("batch/"):
        return False
    return bool(owner.get("name") == key.name if job is None else owner.get("uid") == uid_of(job))


class Verdict(NamedTuple):
    """The Job has ended: Complete or Failed, and why."""

    kind: str
    reason: str
    message: str


class _Case(NamedTuple):
    """One reconcile of one Job."""

    settings: Settings
    snapshot: Snapshot
    job: Object
    tally: Tally
    now: Instant

    def decide(self) -> Decision:
        if self._is_finished():
            return self._after()
        if spec_of(self.job).get("suspend"):
            return self._suspend()
        verdict = self._verdict()
        return self._go_on() if verdict is None else self._finish(verdict)

    def _number(self, field: str, default: int) -> int:
        value = spec_of(self.job).get(field)
        return value if isinstance(value, int) else default

    def _completions(self) -> int | None:
        value = spec_of(self.job).get("completions")
        return value if isinstance(value, int) else None

    def _is_finished(self) -> bool:
        found = (condition(self.job, kind) for kind in ("Complete", "Failed"))
        return any(c is not None and c.get("status") == "True" for c in found)

    def _verdict(self) -> Verdict | None:
        limit, counted = self._number("backoffLimit", 6), self.tally
        template = spec_of(self.job).get("template") or {}
        restarts = spec_of(template).get("restartPolicy") == "OnFailure"
        if counted.failed > limit or (restarts and counted.restarts >= max(1, limit)):
            message = "Job has reached the specified backoff limit"
            return Verdict("Failed", "BackoffLimitExceeded", message)
        deadline = self._deadline()
        if deadline is not None and deadline <= self.now:
            message = "Job was active longer than specified deadline"
            return Verdict("Failed", "DeadlineExceeded", message)
        wanted = self._completions()
        if wanted is None:
            done = counted.succeeded > 0 and not counted.active and not counted.going
        else:
            done = counted.succeeded >= wanted
        if not done:
            return None
        return Verdict(
            "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        )

    def _started(self) -> Instant | None:
        said = status_of(self.job).get("startTime")
        return parse_instant(said, "status.startTime") if said else None

    def _deadline(self) -> Instant | None:
        seconds, started = spec_of(self.job).get("activeDeadlineSeconds"), self._started()
        if not isinstance(seconds, int):
            return None
        return (self.now if started is None else started) + seconds * SECOND

    def _go_on(self) -> Decision:
        """Make or delete Pods until as many run as are wanted."""
        counted = self.tally
        parallelism, wanted = self._number("parallelism", 1), self._completions()
        if wanted is None:
            target = len(counted.active) if counted.succeeded else parallelism
        else:
            target = min(parallelism, wanted - counted.succeeded)
        missing = target - len(counted.active)
        due = self._backoff() if missing > 0 else None
        fresh = self._new_pods(min(missing, PODS_MAX)) if missing > 0 and due is None else []
        extra = sorted(counted.active, key=lambda p: bool(node_of(p)))[: max(0, -missing)]
        again = self.now if fresh and missing > PODS_MAX else None
        ops = [create(pod) for pod in fresh]
        said = [
            event(
                self.snapshot, self.job, self.now, "SuccessfulCreate", f"Created pod: {name_of(p)}"
            )
            for p in fresh
        ]
        note = (
            f"{self._name}: {len(fresh)} pods made, {len(extra)} deleted" if fresh or extra else ""
        )
        changes = {"active": len(counted.active) + len(fresh) - len(extra)}
        return self._write(
            changes, (*ops, *said, *self._stop(extra)), earliest(due, again, self._deadline()), note
        )

    def _backoff(self) -> Instant | None:
        """Give when the next Pod may be made after a failure: 10 s, doubling, up to 10 min."""
        failed, last = self.tally.failed, self.tally.last_failure
        if not failed or last is None or len(self.tally.lost) > 0:
            return None
        due = last + min(10 * SECOND * 2 ** min(failed - 1, 10), 600 * SECOND)
        return due if self.now < due else None

    def _new_pods(self, count: int) -> list[Object]:
        indexes = self._free_indexes(count)
        lost = list(self.tally.lost)
        pods = []
        for number in range(count if indexes is None else min(count, len(indexes))):
            index = None if indexes is None else indexes[number]
            before = next((p for p in lost if index is None or index_of(p) == index), None)
            if before is not None:
                lost.remove(before)
            pods.append(self._new_pod(number, index, before))
        return pods

    def _new_pod(self, number: int, index: int | None, before: Object | None) -> Object:
        if before is None:
            return next_pod(self.job, self.now, number, index=index)
        known = annotations_of(before).get(ANN_AVOID, "")
        avoid = avoided_after(self.snapshot, known, node_of(before))
        losses = losses_of(before) + 1
        return next_pod(self.job, self.now, number, index=index, losses=losses, avoid=avoid)

    def _free_indexes(self, count: int) -> list[int] | None:
        if spec_of(self.job).get("completionMode") != "Indexed":
            return None
        counted = self.tally
        taken = counted.completed | {
            index for p in (*counted.active, *counted.going) if (index := index_of(p)) is not None
        }
        free = (i for i in range(self._completions() or 0) if i not in taken)
        return [index for index, _ in zip(free, range(count), strict=False)]

    def _suspend(self) -> Decision:
        suspended = with_condition(
            self.job, "Suspended", True, self.now, "JobSuspended", "Job suspended"
        )
        changes = {"active": 0, "startTime": None, "conditions": suspended}
        ops = self._stop(self.tally.active)
        note = f"{self._name} is suspended: {len(self.tally.active)} pods deleted" if ops else ""
        return self._write(changes, ops, None, note)

    def _finish(self, verdict: Verdict) -> Decision:
        good = verdict.kind == "Complete"
        first = "SuccessCriteriaMet" if good else "FailureTarget"
        told = self.job
        for kind in (first, verdict.kind):
            conditions = with_condition(told, kind, True, self.now, verdict.reason, verdict.message)
            told = with_status(told, conditions=conditions)
        changes: dict[str, Any] = {"active": 0, "conditions": status_of(told)["conditions"]}
        if good:
            changes["completionTime"] = format_instant(self.now)
        reason = "Completed" if good else verdict.reason
        message = "Job completed" if good else verdict.message
        said = event(self.snapshot, self.job, self.now, reason, message, warning=not good)
        note = f"{self._name} is {verdict.kind}: {verdict.message}"
        ops = (*self._stop(self.tally.active), said)
        return self._write(changes, ops, self._expires(self.now), note)

    def _after(self) -> Decision:
        """Count what ends late; remove the Job when its time has come."""
        due = self._expires(None)
        if due is not None and due <= self.now:
            return decide(
                *delete(self.job, self.now), note=f"{self._name} outlived its time: deleted"
            )
        return self._write({"active": 0}, self._stop(self.tally.active), due, "")

    def _expires(self, finished: Instant | None) -> Instant | None:
        ttl = spec_of(self.job).get("ttlSecondsAfterFinished")
        if not isinstance(ttl, int):
            return None
        if finished is None:
            ends = [condition(self.job, kind) for kind in ("Complete", "Failed")]
            times = [c["lastTransitionTime"] for c in ends if c and c.get("status") == "True"]
            finished = parse_instant(times[0], "status.conditions")
        return finished + ttl * SECOND

    def _stop(self, pods: Iterable[Object]) -> tuple[Op, ...]:
        """Delete Pods; what never ran anywhere is freed with them."""
        ops: list[Op] = []
        for pod in pods:
            if node_of(pod):
                ops += delete_pod(pod, self.now, self.settings.termination_grace_ms)
            else:
                gone = {**pod, "metadata": {**pod["metadata"], "finalizers": None}}
                ops += delete(gone, self.now)
        return tuple(ops)

    def _write(
        self, changes: dict[str, Any], ops: Iterable[Op], requeue_at: Instant | None, note: str
    ) -> Decision:
        counted = self.tally
        indexed = spec_of(self.job).get("completionMode") == "Indexed"
        fields: dict[str, Any] = {
            "startTime": status_of(self.job).get("startTime") or format_instant(self.now),
            "ready": counted.ready,
            "terminating": len(counted.going),
            "succeeded": counted.succeeded or None,
            "failed": counted.failed or None,
            "uncountedTerminatedPods": {},
            "completedIndexes": format_indexes(counted.completed) if indexed else None,
            **changes,
        }
        fields["active"] = fields["active"] or None
        fresh = self._resumed(with_status(self.job, **fields))
        freed = [op for pod in counted.ended for op in _freed(pod)]
        return decide(*update(self.job, fresh), *freed, *ops, requeue_at=requeue_at, note=note)

    def _resumed(self, job: Object) -> Object:
        told = condition(job, "Suspended")
        if spec_of(job).get("suspend") or told is None or told.get("status") != "True":
            return job
        conditions = with_condition(job, "Suspended", False, self.now, "JobResumed", "Job resumed")
        return with_status(job, conditions=conditions)

    @property
    def _name(self) -> str:
        return f"job {namespace_of(self.job)}/{name_of(self.job)}"


def _freed(pod: Object) -> tuple[Op, ...]:
    return release(pod, FINALIZER_TRACKING) if is_tracked(pod) else ()
