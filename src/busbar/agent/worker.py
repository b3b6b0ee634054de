"""One Pod's life on this node, from the cloud's word to a clean machine.

Level-triggered, like everything here: each turn compares what should be (run, or stop) with what
is, does the next steps, reports, and sleeps until something happens. A crash at any point is
followed by the same turn in the agent's next life.

    admit → prepare (image, sandbox, volumes) → start → watch → (restart …) → finished
      └────────────── refused ──────────────→ finished        finished → deleted → forgotten

Next: `reporter.py`, then `hooks/`, the steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.clock import Clock
from busbar.agent.hooks.admit import admit, epoch_of
from busbar.agent.hooks.containers import Containers
from busbar.agent.hooks.prepare import Prepared, Preparer
from busbar.agent.lease import NodeLease
from busbar.agent.podstatus import PodView, grace_seconds, is_finished
from busbar.agent.probes.caretaker import Caretaker
from busbar.agent.probes.checks import Checker
from busbar.agent.probes.spec import has_probes
from busbar.agent.records import PodRecord, Records
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.relay import LogSource
from busbar.agent.reporter import REPORT_SECONDS, Reporter
from busbar.agent.runtimes.contract import Runtime
from busbar.model.objects import (
    Object,
    is_deleting,
    name_of,
    namespace_of,
    status_of,
    uid_of,
)

log = logging.getLogger("busbar.agent.worker")
RETRY_SECONDS = 5.0
FAULTS_MAX = 5
"""So many faults of ours in a row, with nothing running, and the Pod fails."""
T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What a worker works with."""

    api: Api
    runtime: Runtime
    preparer: Preparer
    records: Records
    clock: Clock
    lease: NodeLease


class PodWorker:
    """Runs one Pod. `record` is what an earlier life of the agent knew of it, if any."""

    def __init__(self, parts: Parts, pod: Object, record: PodRecord | None = None) -> None:
        self._parts = parts
        self._record = record or PodRecord(uid_of(pod), pod)
        self._pod = pod
        self._gone = False
        self._draining = False
        self._confirmed = 0
        """The lease's `reprieves` when the list was asked for that the Pod's last word is from."""
        self._running_since = parts.lease.reprieves
        """The same when its first container was started, or taken up."""
        self._wake = asyncio.Event()
        self._prepared: Prepared | None = None
        self._refusal: PodRefused | None = None
        self._reporter = Reporter(parts.api, parts.clock)
        self._retry_at = 0.0
        self._clean = False
        self._forgotten = False
        self._faults = 0
        self.containers = Containers(
            parts.runtime, parts.clock, parts.records, self._record, parts.lease.last_life_ms
        )
        self.caretaker = Caretaker(
            parts.api, Checker(parts.runtime), parts.clock, self.containers, self._wake.set
        )
        if self._record.refused_reason:
            reason = Reason(self._record.refused_reason)
            self._refusal = PodRefused(reason, self._record.refused_message)

    @property
    def pod(self) -> Object:
        """Give the Pod as last seen."""
        return self._pod

    @property
    def uid(self) -> str:
        """Give the Pod's uid."""
        return self._record.uid

    @property
    def done(self) -> bool:
        """Say whether nothing of it is left on this node."""
        return self._forgotten

    def update(self, pod: Object | None, asked: int = 0) -> None:
        """Hear the cloud's latest word; None: it knows no such Pod. `asked`: how fresh it is."""
        if pod is None:
            self._gone = True
        elif is_deleting(pod) or (epoch_of(pod) or 0) >= self._record.epoch:
            self._pod = pod
            self._confirmed = max(self._confirmed, asked)
        else:
            log.warning("%s: a word of an earlier epoch is not listened to", self._name)
        self._wake.set()

    def lease_changed(self, live: bool) -> None:
        """Hear that the right to run was lost or won back."""
        del live  # Looked up when it matters: this only wakes.
        self._wake.set()

    def drain(self) -> None:
        """Stop the workload because this node is being taken down."""
        self._draining = True
        self._wake.set()

    def evict(self, why: str) -> None:
        """End the workload at once: it has taken more of this machine than it bought."""
        if self._record.stop_reason or is_finished(self.view()):
            return
        self._record.stop_reason, self._record.stop_message = Reason.EVICTED.value, why
        with contextlib.suppress(OSError):  # The disk may be full: that is why.
            self._parts.records.save(self._record)
        log.info("%s: evicted: %s", self._name, why)
        self._wake.set()

    @property
    def is_busy(self) -> bool:
        """Say whether something of it still runs or lies on the machine."""
        return not self._forgotten and not self._clean

    @property
    def images(self) -> set[str]:
        """Give the digests of the images it uses."""
        return {kept.image_id for kept in self._record.containers.values() if kept.image_id}

    def log_source(self, container: str, previous: bool) -> LogSource | str:
        """Give where a container's log is, or one sentence that says why there is none."""
        kept = self._record.containers.get(container)
        if kept is None or not kept.id:
            return f"container {container} of {self._name} has not been started yet"
        attempt = kept.restarts - (1 if previous else 0)
        if attempt < 0:
            return f"container {container} of {self._name} has no previous run"
        folder = self._parts.records.folder(self._record.uid) / "logs" / container
        files = [folder / f"{attempt}.log.1", folder / f"{attempt}.log"]
        return LogSource(
            lambda: files, lambda: not previous and self.containers.is_running(container)
        )

    async def run(self) -> None:
        """Live until nothing is left. Faults of ours are reported, and tried again."""
        while not self._forgotten:
            self._wake.clear()
            try:
                await self._turn()
            except (Unreachable, ApiRefused) as error:
                log.info("%s: the cloud did not take it: %s", self._name, error)
                self._retry_at = self._parts.clock.monotonic() + 1.0
            except PodRefused as refused:
                self._refuse(refused)
            except Exception as fault:  # One Pod's fault must not end the others'.
                self._note_fault(fault)
            if not self._forgotten:
                await self._sleep()

    def _note_fault(self, fault: Exception) -> None:
        """Try again after a fault of ours; what runs, and what has ended, is left as it is."""
        log.exception("%s: fault", self._name)
        self._faults += 1
        if is_finished(self.view()):
            self._retry_at = self._parts.clock.monotonic() + RETRY_SECONDS
            return
        full = isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = Reason.DISK_FULL if full else Reason.AGENT_FAULT
        retry = self.containers.any_running() or self._faults < FAULTS_MAX
        self._refuse(PodRefused(reason, f"the agent failed: {fault}", retry=retry))

    async def _turn(self) -> None:
        if not self._is_over():
            await self._step()
        if self._is_over() or is_finished(self.view()) or self._gone:
            await self._clean_up()
        if self._gone:
            await self._forget()
        elif is_deleting(self._pod) and self._clean:
            await self._reporter.confirm_deletion(self._pod)
            await self._forget()

    async def _step(self) -> None:
        """Do what is next, look at what came of it, and report."""
        stop = self._why_stop()
        if stop is not None:
            self.caretaker.close()
            await self._stop(*stop)
        elif self._refusal is None or self._may_retry():
            await self._go_on()
        await self.containers.observe(self._pod)
        if stop is None:
            await self._look_after()
        if self.containers.any_running() and is_finished(self.view()):
            # Refused, or failed for good: what runs beside it has to end, and is reported so.
            await self._end_all(0 if self._refusal is not None else self._grace())
            await self.containers.observe(self._pod)
        if not self._gone and not await self._reporter.report(self.view()):
            self._gone = True
            self._wake.set()

    async def _look_after(self) -> None:
        """Ask the containers how they are, where they have probes: most have none."""
        is_refused = self._refusal is not None and not self._refusal.retry
        if is_refused or not has_probes(self._pod):
            return
        runs = self.containers.any_running()
        address = await self._parts.preparer.address(self._pod) if runs else ""
        self.caretaker.follow(self._pod, address)

    def _is_over(self) -> bool:
        """Say whether the cloud knows an end of this Pod of which nothing is known here.

        Its records were lost, with the disk or with an earlier life. It must not run again.
        """
        nothing = not self._record.containers and not self._record.stop_reason
        return nothing and self._refusal is None and self._has_ended_in_the_cloud()

    def _has_ended_in_the_cloud(self) -> bool:
        return status_of(self._pod).get("phase") in ("Succeeded", "Failed")

    def _why_stop(self) -> tuple[str, str] | None:
        """Say why the workload must not run, if it must not: reason and sentence."""
        if self._gone or is_deleting(self._pod):
            return ("Deleted", "the Pod was deleted")
        if self._record.stop_reason:
            return (self._record.stop_reason, self._record.stop_message)
        if self._draining:
            return ("NodeDrained", "the vendor took this node down")
        if self._has_ended_in_the_cloud() and self.containers.any_running():
            ended = status_of(self._pod)
            return (ended.get("reason") or "Ended", ended.get("message") or "the cloud ended it")
        if self._has_lost_lease() and not is_finished(self.view()):
            said = "this node was cut off from the cloud for longer than its lease"
            return (Reason.LEASE_LOST.value, said)
        return None

    def _has_lost_lease(self) -> bool:
        """Say whether the right to run ended under it, also where it was won back unnoticed."""
        lease = self._parts.lease
        lost = not lease.is_live() or lease.reprieves != self._running_since
        return lost and self.containers.any_started()

    def _may_start(self) -> bool:
        """Say whether a container may be started at this moment (ADR 18).

        What was heard before the lease was won (back) is hearsay: the work may be another's.
        """
        lease = self._parts.lease
        fresh = self._confirmed == lease.reprieves
        return fresh and lease.is_live() and self._why_stop() is None

    def _has_come_up(self, name: str) -> bool:
        """Say of a container that runs whether its startup probe, if any, has succeeded."""
        return any(one.name == name and one.is_started for one in self.view().containers)

    async def _go_on(self) -> None:
        """Prepare and start what is not started; start again what is due."""
        if not self._parts.lease.is_live():
            return
        admit(self._pod, self._record)
        if self.containers.all_started() and not self.containers.due(self._parts.clock.now()):
            self._refusal = None
            return
        if not self._may_start():
            return  # The list that allows it wakes this worker.
        self._record.pod = self._pod
        if self._prepared is None:
            self._prepared = await self._attentively(self._parts.preparer.prepare(self._pod))
            if self._prepared is None:
                return
            self._parts.records.save(self._record, durable=False)
        if not self._may_start():
            self._wake.set()
            return
        self._refusal = None
        if not self.containers.any_started():
            self._running_since = self._parts.lease.reprieves
        await self.containers.start_due(
            self._pod, self._prepared, self._may_start, self._has_come_up
        )
        self._faults = 0

    async def _attentively(self, deed: Coroutine[None, None, T]) -> T | None:
        """Do what may take minutes; give it up (None) when the Pod must not run any more."""
        doing = asyncio.ensure_future(deed)
        try:
            while not doing.done() and self._why_stop() is None:
                await self._woken_or(doing)
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait({doing})
            self._wake.set()
        return None if doing.cancelled() else doing.result()

    async def _woken_or(self, doing: asyncio.Future[T], timeout: float | None = None) -> None:
        """Wait until a deed is done or something happens."""
        self._wake.clear()
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            waits: set[asyncio.Future[Any]] = {doing, woken}
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def _stop(self, reason: str, message: str) -> None:
        """Stop the containers; a reason that is the cloud's own word is not written over it."""
        if not self.containers.any_running() and is_finished(self.view()):
            return
        if not self._record.stop_reason:
            self._record.stop_reason, self._record.stop_message = reason, message
            self._parts.records.save(self._record)
        await self._end_all(self._grace())

    async def _end_all(self, grace: int) -> None:
        """Stop all containers; faster where the grace shrinks meanwhile."""
        stopping = asyncio.ensure_future(self.containers.stop_all(grace))
        while not stopping.done():
            await self._woken_or(stopping, self._parts.lease.seconds_left() or None)
            if self._grace() < grace and not stopping.done():
                grace = self._grace()
                await self.containers.stop_all(grace)
        await stopping
        self._wake.set()  # What was heard meanwhile is looked at.

    def _grace(self) -> int:
        """Give the seconds a workload has to end by itself, as things are now.

        Cut off, every second of grace is one in which somebody else may start it. Evicted, it is
        one in which it writes on.
        """
        cut_off = self._gone or not self._parts.lease.is_live()
        is_evicted = self._record.stop_reason == Reason.EVICTED.value
        return 0 if cut_off or is_evicted else grace_seconds(self._pod)

    def _refuse(self, refused: PodRefused) -> None:
        self._refusal = refused
        self._retry_at = self._parts.clock.monotonic() + RETRY_SECONDS
        if not refused.retry:
            self._record.refused_reason = refused.reason.value
            self._record.refused_message = refused.message
            with contextlib.suppress(OSError):  # Worth less than the report that follows.
                self._parts.records.save(self._record)
        self._wake.set()

    def _may_retry(self) -> bool:
        late = self._parts.clock.monotonic() >= self._retry_at
        return self._refusal is not None and self._refusal.retry and late

    def view(self) -> PodView:
        """Give what the Pod's status follows from."""
        sandbox = self._prepared.sandbox if self._prepared else None
        return PodView(
            pod=self._reporter.shown(self._pod),
            containers=self.caretaker.shown(self._pod, self.containers.seen(self._pod)),
            epoch=self._record.epoch,
            address=sandbox.address if sandbox else "",
            host_address=self._parts.preparer.host_address,
            refusal=self._refusal,
            stop_reason=self._record.stop_reason,
            stop_message=self._record.stop_message,
            cpu_ms=self.containers.cpu_ms,
            memory_peak_bytes=self.containers.memory_peak_bytes,
        )

    async def _clean_up(self) -> None:
        """Leave nothing behind but the logs, which stay readable until the Pod is deleted."""
        if self._clean:
            return
        self.caretaker.close()
        if self.containers.any_running():
            await self.containers.stop_all(0)
            await self.containers.observe(self._pod)
        await self.containers.remove_all()
        await self._parts.preparer.release(self._pod)
        self._prepared = None
        self._clean = True

    async def _forget(self) -> None:
        await asyncio.to_thread(self._parts.records.remove, self._record.uid)
        self._forgotten = True

    async def _sleep(self) -> None:
        """Sleep until something happens: a word from the cloud, a container's end, a due time."""
        waits = [asyncio.ensure_future(self._wake.wait()), *self.containers.waits()]
        try:
            await asyncio.wait(waits, timeout=self._nap(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _nap(self) -> float:
        """Give how many seconds may pass without anything to do."""
        now = self._parts.clock.monotonic()
        naps = [REPORT_SECONDS if self.containers.any_running() else 300.0]
        if self._retry_at > now:
            naps.append(self._retry_at - now)
        due = self.containers.due_at()
        if due is not None and self._may_start():
            naps.append((due - self._parts.clock.now()) / 1000)
        asked_in = self.caretaker.due_in()
        if asked_in is not None:
            naps.append(asked_in)
        if self.containers.any_running():
            naps.append(self._parts.lease.seconds_left() + 0.05)
        return max(0.05, min(naps))

    @property
    def _name(self) -> str:
        return f"{namespace_of(self._pod)}/{name_of(self._pod)}"
