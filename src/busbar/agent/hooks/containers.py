"""A Pod's containers: start in order, watch, start again where the policy says so.

Init containers run one after the other and must succeed; then all others run side by side. An
init container with restartPolicy Always (a sidecar) has done its part when it has come up, and
goes on as long as the others do.
Next: the runtime, `runtimes/contract.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from busbar.agent.clock import Clock
from busbar.agent.hooks import nameservers
from busbar.agent.hooks.admit import reserved
from busbar.agent.hooks.command import script_command
from busbar.agent.hooks.environment import arguments, environment, expand
from busbar.agent.hooks.etc import etc_files, hostname
from busbar.agent.hooks.prepare import Prepared
from busbar.agent.hooks.security import fs_group, identity
from busbar.agent.hooks.subpaths import bind_below
from busbar.agent.hooks.volumes import Owner
from busbar.agent.podstatus import UNSEEN_END, Observed
from busbar.agent.probes.spec import is_sidecar
from busbar.agent.records import ContainerRecord, PodRecord, Records
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.restarts import Run, restart_at, was_good
from busbar.agent.runtimes.contract import (
    ContainerSpec,
    ContainerStatus,
    Mount,
    Runtime,
    RuntimeFailed,
    image_environment,
)
from busbar.model.objects import (
    Object,
    containers_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.quantities import milli, whole

_UNKNOWN_EXIT = 137


class Containers:
    """Keeps track of a Pod's containers over restarts of them and of the agent."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Clock,
        records: Records,
        record: PodRecord,
        last_life_ms: int = 0,
    ) -> None:
        """`last_life_ms`: until when an earlier life of the agent is known to have lived."""
        self._runtime = runtime
        self._clock = clock
        self._records = records
        self._record = record
        self._status: dict[str, ContainerStatus] = {}
        self._last_life_ms = last_life_ms
        self._alive_ms: dict[str, int] = {}
        """When each container was last seen to run, in this life."""
        self.cpu_ms = 0
        self.memory_peak_bytes = 0
        for name, kept in record.containers.items():
            if kept.ended is not None:
                self._status[name] = kept.ended

    async def observe(self, pod: Object) -> None:
        """Look at what the containers are, and decide which will be started again."""
        changed = False
        for container, init in _containers(pod):
            kept = self._record.containers.get(container["name"])
            if kept is None or not kept.id:
                continue
            status = await self._runtime.status(kept.id)
            if status is None:
                status = self._missing(container["name"], kept)
                changed |= not kept.id
            if status is None:
                continue
            if kept.started_ms is None:
                kept.started_ms, changed = status.started_ms, True
            if status.state == "running":
                self._alive_ms[container["name"]] = self._clock.now()
            elif status.finished_ms is None:
                status = self._ended_unseen(pod, status)
            self._status[container["name"]] = status
            if status.state == "exited":
                kept.ended = status
            if status.state == "exited" and not kept.done and kept.restart_at_ms is None:
                self._decide(_policy(pod, container, init), kept, status)
                changed = True
        if self.any_running():
            await self._observe_use()
        if changed:
            self._records.save(self._record)

    def _missing(self, name: str, kept: ContainerRecord) -> ContainerStatus | None:
        """Give what is known of a container that the runtime does not know."""
        known = self._status.get(name)
        if known is not None and known.state == "exited":
            return known
        if kept.started_ms is None:
            # A crash came between the record and the start: it is still to be started.
            kept.id = ""
            return None
        return ContainerStatus(
            kept.id,
            self._record.uid,
            name,
            "exited",
            kept.started_ms,
            exit_code=_UNKNOWN_EXIT,
        )

    def _ended_unseen(self, pod: Object, status: ContainerStatus) -> ContainerStatus:
        """Say of what ended unseen that it ran as long as anybody knows it did (ADR 24).

        Seen by this life; else until an earlier one last renewed the lease, or last reported.
        """
        meter = status_of(pod).get("busbar") or {}
        told = meter.get("observedMs") or 0 if meter.get("epoch") == self._record.epoch else 0
        known = self._alive_ms.get(status.name) or max(self._last_life_ms, told)
        ended = max(status.started_ms, min(known, self._clock.now()))
        return replace(status, finished_ms=ended, reason=UNSEEN_END)

    def _decide(self, policy: str, kept: ContainerRecord, seen: ContainerStatus) -> None:
        code = seen.exit_code or (_UNKNOWN_EXIT if kept.unhealthy else 0)
        run = Run(seen.started_ms, seen.finished_ms or seen.started_ms, code)
        if was_good(run):
            kept.restarts_in_row = 0
        due = None if self._record.stop_reason else restart_at(policy, run, kept.restarts_in_row)
        kept.restart_at_ms = due
        kept.done = due is None

    async def _observe_use(self) -> None:
        used = [await self._runtime.use(s.id) for s in self._status.values()]
        self.cpu_ms = max(self.cpu_ms, sum(use.cpu_ms for use in used))
        peak = sum(use.memory_peak_bytes for use in used)
        self.memory_peak_bytes = max(self.memory_peak_bytes, peak)

    def all_started(self) -> bool:
        """Say whether every container of the Pod has been started at least once."""
        names = [one["name"] for one in containers_of(spec_of(self._record.pod))]
        kept = self._record.containers
        return bool(names) and all(name in kept and kept[name].id for name in names)

    def any_started(self) -> bool:
        """Say whether a container of the Pod has ever been started."""
        return any(kept.id for kept in self._record.containers.values())

    def is_running(self, name: str) -> bool:
        """Say whether one container runs, or will again."""
        status, kept = self._status.get(name), self._record.containers.get(name)
        again = kept is not None and kept.restart_at_ms is not None
        return again or (status is not None and status.state == "running")

    @property
    def statuses(self) -> tuple[ContainerStatus, ...]:
        """Give every container that was started, as last seen."""
        return tuple(self._status.values())

    def any_running(self) -> bool:
        """Say whether a container runs."""
        return any(status.state == "running" for status in self._status.values())

    def due_at(self) -> int | None:
        """Give when (ms) the next restart is due, if any."""
        due = [c.restart_at_ms for c in self._record.containers.values() if c.restart_at_ms]
        return min(due) if due else None

    def due(self, now: int) -> bool:
        """Say whether something should be started now."""
        at = self.due_at()
        return at is not None and at <= now

    async def start_due(
        self,
        pod: Object,
        prepared: Prepared,
        may_start: Callable[[], bool],
        has_come_up: Callable[[str], bool],
    ) -> None:
        """Start what is not started, in order, and start again what is due.

        `may_start` is asked before each: between two starts the right to run may end.
        """
        begun = any(
            (kept := self._record.containers.get(container["name"])) is not None and kept.id
            for container, init in _containers(pod)
            if not init
        )
        for container, init in _containers(pod):
            if not may_start():
                return
            kept = self._record.containers.setdefault(container["name"], ContainerRecord())
            if init and kept.done and self._exit_code(container["name"]) == 0:
                continue
            if not kept.id or self._is_due(kept):
                await self._start(pod, container, kept, prepared)
            goes_on = init and is_sidecar(container)
            if goes_on and (
                begun or (self._runs(container["name"]) and has_come_up(container["name"]))
            ):
                continue
            if init:
                return  # The next one starts after this one's end, or when it has come up.

    def _runs(self, name: str) -> bool:
        status = self._status.get(name)
        return status is not None and status.state == "running"

    def _is_due(self, kept: ContainerRecord) -> bool:
        return kept.restart_at_ms is not None and kept.restart_at_ms <= self._clock.now()

    def _exit_code(self, name: str) -> int | None:
        status = self._status.get(name)
        return status.exit_code if status else None

    async def _start(
        self, pod: Object, container: Object, kept: ContainerRecord, prepared: Prepared
    ) -> None:
        if kept.id:
            await self._runtime.remove(kept.id)
            kept.restarts += 1
            kept.restarts_in_row += 1
        spec = container_spec(pod, container, kept.restarts, prepared)
        has_past = self.any_started()
        kept.restart_at_ms = kept.started_ms = None
        kept.image_id = prepared.images[container["image"]].digest
        # Written before the start: after a crash in between, the runtime is asked about this id.
        kept.id = spec.id
        kept.ended = None
        kept.unhealthy = ""
        self._records.save(self._record, durable=has_past)
        try:
            self._status[container["name"]] = await self._runtime.start(spec)
        except RuntimeFailed as failed:
            kept.id = ""
            if failed.not_executable:
                raise PodRefused(
                    Reason.INVALID_POD, f"container {container['name']}: {failed.message}"
                ) from None
            raise PodRefused(Reason.RUNTIME_FAILED, failed.message, retry=True) from None
        except Exception:
            kept.id = ""  # To be asked again: the same run has the same id.
            raise

    async def stop_all(self, grace_seconds: float) -> None:
        """Stop every container, side by side."""
        running = [s.id for s in self._status.values() if s.state == "running"]
        await asyncio.gather(*(self._runtime.stop(id_, grace_seconds) for id_ in running))
        for kept in self._record.containers.values():
            kept.restart_at_ms = None
            kept.done = True

    async def end_unhealthy(self, name: str, grace_seconds: float, why: str) -> None:
        """End one container whose probe failed; the restartPolicy decides what comes then."""
        kept = self._record.containers[name]
        kept.unhealthy = why
        with contextlib.suppress(OSError):  # Worth less than the end of what is not alive.
            self._records.save(self._record)
        await self._runtime.stop(kept.id, grace_seconds)

    async def remove_all(self) -> None:
        """Remove every container; what is known of them stays for the status."""
        for kept in self._record.containers.values():
            if kept.id:
                await self._runtime.remove(kept.id)

    def waits(self) -> Iterator[asyncio.Task[Any]]:
        """Give tasks that end when a running container does; the caller cancels them."""
        for status in self._status.values():
            if status.state == "running":
                yield asyncio.ensure_future(self._runtime.wait(status.id))

    def seen(self, pod: Object) -> tuple[Observed, ...]:
        """Give every container as it is shown in the Pod's status."""
        return tuple(self._seen(container, init) for container, init in _containers(pod))

    def _seen(self, container: Object, init: bool) -> Observed:
        name, image = container["name"], container.get("image", "")
        kept = self._record.containers.get(name, ContainerRecord())
        status = self._status.get(name)
        side = init and is_sidecar(container)
        if status is None or not kept.id:
            return Observed(
                name, init, "waiting", restarts=kept.restarts, image=image, is_sidecar=side
            )
        return Observed(
            name,
            init,
            status.state,
            status.started_ms,
            status.finished_ms,
            status.exit_code,
            status.reason,
            kept.unhealthy if status.state == "exited" else "",
            restarts=kept.restarts,
            will_restart=kept.restart_at_ms is not None,
            image=image,
            image_id=kept.image_id,
            container_id=f"busbar://{status.id}",
            is_sidecar=side,
        )


def container_spec(
    pod: Object, container: Object, attempt: int, prepared: Prepared
) -> ContainerSpec:
    """Put everything together that a runtime needs to run a container."""
    image = prepared.images[container["image"]]
    variables = environment(pod, container, prepared.sources, prepared.facts)
    limits = (container.get("resources") or {}).get("limits") or {}
    requests = (container.get("resources") or {}).get("requests") or limits
    path = f"spec.containers[{container['name']}].resources"
    bought = reserved(pod).memory_bytes
    limit = whole(limits.get("memory", 0), f"{path}.limits.memory")
    script = [] if container.get("command") else script_command(pod, image.config)
    words = script + [expand(a, variables) for a in container.get("args") or ()] if script else []
    words = words or arguments(container, variables, image.config)
    if not words:
        raise PodRefused(
            Reason.INVALID_POD,
            f"container {container['name']}: neither it nor its image says what to run; "
            "give it a command",
        )
    security = container.get("securityContext") or {}
    who = identity(pod, container, str(image.config.get("User") or ""))
    return ContainerSpec(
        pod_uid=uid_of(pod),
        name=container["name"],
        attempt=attempt,
        layers=tuple(image.layers),
        arguments=tuple(words),
        environment={**image_environment(image.config), **variables},
        log_file=prepared.folder / "logs" / container["name"] / f"{attempt}.log",
        working_directory=container.get("workingDir") or image.config.get("WorkingDir") or "/",
        user=who.user,
        group=who.group,
        groups=who.groups,
        only_these_groups=who.only_these_groups,
        not_root=who.not_root,
        mounts=tuple(_mounts(pod, container, attempt, prepared)),
        hostname=hostname(pod),
        etc=etc_files(pod, prepared.sandbox.address, nameservers.of_machine()),
        cpu_milli=milli(requests.get("cpu", 0), f"{path}.requests.cpu"),
        cpu_limit_milli=milli(limits.get("cpu", 0), f"{path}.limits.cpu"),
        # Its own as well: a program that asks how much there is looks at its own group.
        memory_limit_bytes=min(limit or bought, bought),
        read_only_root=bool(security.get("readOnlyRootFilesystem")),
        labels={"namespace": namespace_of(pod), "pod": name_of(pod)},
    )


def _mounts(pod: Object, container: Object, attempt: int, prepared: Prepared) -> Iterator[Mount]:
    places = prepared.folder / "subpaths" / container["name"] / str(attempt)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        source = prepared.volumes.get(mount["name"])
        if source is None:
            raise PodRefused(
                Reason.VOLUME_NOT_FOUND,
                f"container {container['name']}: there is no volume {mount['name']!r}",
            )
        if mount.get("subPath"):
            owner = Owner.of(prepared.sandbox, fs_group(pod))
            path = f"spec.containers[{container['name']}].volumeMounts[{index}].subPath"
            source = bind_below(source, mount["subPath"], places / str(index), owner, path)
        yield Mount(source, mount["mountPath"], bool(mount.get("readOnly")))


def _policy(pod: Object, container: Object, init: bool) -> str:
    """Give the restartPolicy that counts for one container."""
    policy = str(spec_of(pod).get("restartPolicy") or "Always")
    if init and is_sidecar(container):
        return "Always"
    return "OnFailure" if init and policy == "Always" else policy


def _containers(pod: Object) -> Iterator[tuple[Object, bool]]:
    """Give the containers in the order in which they start, and whether each is an init one."""
    spec = spec_of(pod)
    for container in spec.get("initContainers") or ():
        yield container, True
    for container in spec.get("containers") or ():
        yield container, False
