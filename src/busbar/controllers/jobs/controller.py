"""The Job controller: one Pod at a time until the Job has an end. Next: `../batch/`.

    Pending -> (Waiting) -> Running -> Succeeded | Failed
        \\__________ notAfter passes __________/-> Expired

The Pod in `status.pod` is the present one. A new Pod and the status that names it are one
transaction, so no crash can leave two of them, or lose count of failures.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.names import ANN_LOSSES
from busbar.controllers.parts.avoidance import avoided_after
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.deletion import delete, delete_pod
from busbar.controllers.parts.events import event
from busbar.controllers.parts.pods import contract_key, is_final, node_of, pod_key, report_of
from busbar.controllers.parts.writes import create, update_status
from busbar.controllers.settings import Settings
from busbar.model.errors import InvalidField
from busbar.model.kinds.job import JobSpec
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import SECOND, Instant, format_instant, parse_instant
from busbar.model.wellknown import ANN_AVOID, GROUP
from busbar.store.contract import Event, Op, Snapshot, Transaction

from .mirror import funnel_of, terms_of, view_of
from .outcome import Fate, Outcome, of_contract, of_pod
from .pieces import Pieces, is_lost, pieces_of, rest_of, schedule
from .podspec import next_pod, not_after, read_spec

JOBS: Collection = (GROUP, "jobs")
FINISHED = frozenset({"Succeeded", "Failed", "Expired"})


class JobController:
    """Turns Jobs into Pods and Pods into Job statuses."""

    name = "jobs"
    watches: tuple[Collection, ...] = (JOBS, ("", "pods"), (GROUP, "contracts"))
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a Job for itself, its Pods and their contracts."""
        if event.key.resource == "jobs":
            return (event.key,) if event.key.group == GROUP else ()
        owner = (
            controller_of(event.obj) if event.key.resource == "pods" else contract_owner(event.obj)
        )
        if owner and owner.get("kind") == "Job" and owner["apiVersion"].startswith(GROUP):
            return (Key(GROUP, "jobs", event.key.namespace, str(owner["name"])),)
        return ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one Job."""
        job = snapshot.get(key)
        if job is None or is_deleting(job):
            return NOTHING
        try:
            spec = read_spec(job)
        except InvalidField as error:
            return _Case(self._settings, snapshot, job, JobSpec(image=""), now).invalid(error)
        return self.case(self._settings, snapshot, job, spec, now).decide()

    @property
    def case(self) -> type[_Case]:
        """Give what decides about one Job."""
        return _Case


def contract_owner(contract: Object) -> dict[str, Any] | None:
    """Give the owner of the Pod that a contract is for, as an owner reference has it."""
    order = spec_of(contract).get("order") or {}
    if not order.get("ownerKind"):
        return None
    return {
        "apiVersion": order.get("ownerApiVersion", ""),
        "kind": order["ownerKind"],
        "name": order.get("ownerName", ""),
    }


class _Case(NamedTuple):
    """One reconcile of one Job."""

    settings: Settings
    snapshot: Snapshot
    job: Object
    spec: JobSpec
    now: Instant

    def decide(self) -> Decision:
        status = status_of(self.job)
        pod = self._pod()
        if status.get("phase") in FINISHED:
            return self._after(pod)
        if pod is not None and is_final(pod):
            return self._ended(pod)
        deadline = not_after(self.spec)
        if deadline is not None and deadline <= self.now:
            return self._expire(pod)
        if pod is None:
            return self._without_pod()
        return self._mirror(pod, deadline)

    def invalid(self, error: InvalidField) -> Decision:
        if status_of(self.job).get("phase") in FINISHED:
            return NOTHING
        return self._finish("Failed", Outcome(Fate.FAILED, "InvalidSpec", f"{error}."), None)

    def _pod(self) -> Object | None:
        name = status_of(self.job).get("pod")
        if not name:
            return None
        pod = self.snapshot.get(pod_key(namespace_of(self.job), name))
        owner = controller_of(pod) if pod is not None else None
        return pod if owner is not None and owner.get("uid") == uid_of(self.job) else None

    def _contract(self, pod: Object | None) -> Object | None:
        """Give the contract of the Pod; of the last Pod where there is none now."""
        if pod is not None:
            key = contract_key(pod)
            return self.snapshot.get(key) if key else None
        name = status_of(self.job).get("contract")
        if not name:
            return None
        return self.snapshot.get(Key(GROUP, "contracts", namespace_of(self.job), name))

    def _without_pod(self) -> Decision:
        if not status_of(self.job).get("pod"):
            return self._start("submitted", losses=0, avoid="")
        contract = self._contract(None)
        outcome = of_contract(contract)
        node = str(spec_of(contract or {}).get("node") or "")
        return self._apply(outcome, None, node)

    def _ended(self, pod: Object) -> Decision:
        contract = self._contract(pod)
        outcome = of_pod(pod)
        cut_off = status_of(contract or {}).get("reason") == CloseReason.PIECE_ENDED
        if is_deleting(pod) and (outcome.fate is Fate.RETRY or cut_off):
            if status_of(contract or {}).get("phase", "Closed") != "Closed":
                return NOTHING
            outcome = of_contract(contract)
        return self._apply(outcome, pod, node_of(pod))

    def _apply(self, outcome: Outcome, pod: Object | None, node: str) -> Decision:
        losses = self._losses(pod)
        match outcome.fate:
            case Fate.SUCCEEDED:
                return self._finish("Succeeded", outcome, pod)
            case Fate.EXPIRED:
                return self._expire(pod)
            case Fate.FAILED:
                return self._finish("Failed", outcome, pod)
            case Fate.NEXT:
                return self._next_piece(losses, pod)
            case Fate.REMATCH:
                return self._start("its pod is gone", losses, self._avoided(pod))
            case Fate.LOST if losses < self.settings.losses_max:
                avoid = avoided_after(self.snapshot, self._avoided(pod), node)
                return self._start(f"node {node} was lost", losses + 1, avoid)
            case Fate.RETRY if self._failures() < self.spec.backoff_limit:
                return self._retry(outcome, pod, losses)
            case _:
                return self._finish("Failed", outcome, pod)

    def _pieces(self) -> Pieces:
        present = str(status_of(self.job).get("pod") or "")
        return pieces_of(self.snapshot, self.job, self.spec, present)

    def _next_piece(self, losses: int, pod: Object | None) -> Decision:
        """Go on with the next piece that is certain; where there is none, order the rest."""
        pieces = self._pieces()
        following = pieces.following
        if following is None:
            return self._start("a piece is over", losses, self._avoided(pod))
        gone = Pieces((), pieces.lost).removed(self.now, self.settings.termination_grace_ms)
        status = update_status(
            self.job,
            pod=name_of(following),
            contract=None,
            node=None,
            vendor=None,
            phase="Waiting",
            reason="Reserved",
            message="Goes on in the next piece.",
        )
        note = f"job {namespace_of(self.job)}/{name_of(self.job)} goes on: {name_of(following)}"
        return decide(*status, *gone, note=note)

    def _failures(self) -> int:
        return int(status_of(self.job).get("failures") or 0)

    def _losses(self, pod: Object | None) -> int:
        text = annotations_of(pod or self.job).get(ANN_LOSSES, "0")
        return int(text) if text.isdecimal() else 0

    def _avoided(self, pod: Object | None) -> str:
        return annotations_of(pod or {}).get(ANN_AVOID, "")

    def _retry(self, outcome: Outcome, pod: Object | None, losses: int) -> Decision:
        """Try again, after a pause that doubles: 10 s, 20 s, … up to 6 minutes, as Kubernetes."""
        failures = self._failures()
        finished = report_of(pod).finished if pod is not None else None
        pause = min(10 * SECOND * 2**failures, 360 * SECOND)
        due = (finished + pause) if finished is not None else self.now
        if self.now < due:
            message = (
                f"{outcome.message} Retry {failures + 1} of {self.spec.backoff_limit} follows."
            )
            ops = self._status("Pending", "BackOff", message, pod)
            return decide(*ops, requeue_at=due)
        note = f"retry {failures + 1} after {outcome.reason}"
        return self._start(note, losses, self._avoided(pod), failures=failures + 1)

    def _start(self, why: str, losses: int, avoid: str, failures: int | None = None) -> Decision:
        rest = rest_of(self.snapshot, self.job, self.spec)
        pod = next_pod(self.job, self.spec, self.now, losses, avoid, rest)
        gone = self._pieces().removed(self.now, self.settings.termination_grace_ms)
        changes = {"pod": name_of(pod), "contract": None, "node": None, "vendor": None}
        status = update_status(
            self.job,
            **changes,
            observedGeneration=metadata(self.job).get("generation", 1),
            phase="Pending",
            reason="Submitted",
            message="Waiting for the next clearing.",
            failures=self._failures() if failures is None else failures,
            startTime=status_of(self.job).get("startTime"),
        )
        note = f"job {namespace_of(self.job)}/{name_of(self.job)}: {why}, made pod {name_of(pod)}"
        said = event(self.snapshot, self.job, self.now, "PodCreated", f"Made pod {name_of(pod)}.")
        ops = (*status, create(pod), *gone, said)
        return decide(*ops, requeue_at=not_after(self.spec), note=note)

    def _mirror(self, pod: Object, deadline: Instant | None) -> Decision:
        if is_lost(self.snapshot, pod) and not node_of(pod) and not is_deleting(pod):
            return self._planned_anew(pod)
        view, pieces = view_of(pod, self._contract(pod)), self._pieces()
        ops = self._status(
            view.phase,
            view.reason,
            view.message,
            pod,
            list(view.funnel),
            pieces=schedule(self.snapshot, (pod, *pieces.certain)) or None,
        )
        what = f"job {namespace_of(self.job)}/{name_of(self.job)} is {view.phase}"
        note = f"{what}: {view.reason}" if ops else ""
        lost = Pieces((), pieces.lost)
        gone = lost.removed(self.now, self.settings.termination_grace_ms)
        return decide(*ops, *gone, requeue_at=deadline, note=note)

    def _planned_anew(self, pod: Object) -> Decision:
        """A piece lost its place before it began: what is left is ordered again, in new pieces."""
        again = self._start("a piece lost its place", self._losses(pod), self._avoided(pod))
        (made,) = again.transactions
        gone = delete_pod(pod, self.now, self.settings.termination_grace_ms)
        return again._replace(transactions=(made + Transaction(gone),))

    def _status(
        self,
        phase: str,
        reason: str,
        message: str,
        pod: Object | None,
        funnel: list[str] | None = None,
        pieces: list[str] | None = None,
        **more: Any,
    ) -> tuple[Op, ...]:
        return update_status(
            self.job,
            observedGeneration=metadata(self.job).get("generation", 1),
            pieces=pieces,
            phase=phase,
            reason=reason,
            message=message,
            funnel=funnel or list(funnel_of(pod)) or None,
            **terms_of(pod, self._contract(pod)),
            **more,
        )

    def _expire(self, pod: Object | None) -> Decision:
        sentence = (
            f"notAfter {self.spec.not_after} has passed; set a later notAfter and submit again."
        )
        return self._finish("Expired", Outcome(Fate.EXPIRED, "Expired", sentence), pod)

    def _finish(self, phase: str, outcome: Outcome, pod: Object | None) -> Decision:
        good = phase == "Succeeded"
        kind = "Complete" if good else "Failed"
        conditions = with_condition(self.job, kind, True, self.now, outcome.reason, outcome.message)
        finished = report_of(pod).finished if pod is not None else None
        failed = outcome.fate is Fate.RETRY
        status = self._status(
            phase,
            outcome.reason,
            outcome.message,
            pod,
            completionTime=format_instant(finished or self.now),
            exitCode=outcome.exit_code,
            failures=self._failures() + failed,
            conditions=conditions,
        )
        ended = phase == "Expired" and pod is not None and not is_final(pod)
        stopped = (
            delete_pod(pod, self.now, self.settings.termination_grace_ms)
            if ended and pod is not None
            else ()
        )
        stopped += self._pieces().removed(self.now, self.settings.termination_grace_ms)
        said = event(self.snapshot, self.job, self.now, phase, outcome.message, warning=not good)
        what = f"job {namespace_of(self.job)}/{name_of(self.job)}"
        note = f"{what} is {phase}: {outcome.message}"
        due = self._expires(finished or self.now)
        return decide(*status, *stopped, said, requeue_at=due, note=note)

    def _after(self, pod: Object | None) -> Decision:
        """Keep the cost up to date until the contract closes; remove the Job after its ttl."""
        due = self._expires(None)
        if due is not None and due <= self.now:
            what = f"job {namespace_of(self.job)}/{name_of(self.job)}"
            return decide(*delete(self.job, self.now), note=f"{what} outlived its time: deleted")
        ops = update_status(self.job, **terms_of(pod, self._contract(pod)))
        gone = self._pieces().removed(self.now, self.settings.termination_grace_ms)
        return decide(*ops, *gone, requeue_at=due)

    def _expires(self, finished: Instant | None) -> Instant | None:
        ttl = self.spec.ttl_seconds_after_finished
        said = status_of(self.job).get("completionTime")
        at = finished if finished is not None else (parse_instant(said, "") if said else None)
        return None if ttl is None or at is None else at + ttl * SECOND
