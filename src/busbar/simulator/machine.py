"""A node: its agent, its workloads, and the log that the workloads themselves write.

The agent only dials out, hears of its Pods late or never, tells of them again until it is heard,
and stops everything by itself when its own lease runs out. The log (`Run`) is what the checkers
compare the bills with; nothing the agent says enters it. Next: `people/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from busbar.controllers.parts.pods import epoch_of, is_final, node_of
from busbar.model.objects import (
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    name_of,
    namespace_of,
    uid_of,
)
from busbar.model.time import HOUR, SECOND, Instant, format_instant
from busbar.simulator.disks import fills_disk
from busbar.simulator.door import Door, take_use
from busbar.simulator.meter import Meter, Using, lacks_memory, told
from busbar.simulator.network import Network
from busbar.simulator.world import World

ENV_RUNS_MS = "SIMULATOR_RUNS_MS"
ENV_EXIT_CODE = "SIMULATOR_EXIT_CODE"
"""What a workload will do, told to it as its environment."""
OOM_MS = 90 * SECOND
"""How long it takes until one that needs more memory than it bought is killed."""
READY_MS = 100
"""The least that a start takes: what it needs is there."""
EVICTED_MS = 150 * SECOND
"""How long it takes until one that writes more than it bought is found out, and ended."""


class Timing(NamedTuple):
    """How an agent keeps time."""

    renew_ms: int = 100 * SECOND
    lease_ms: int = 290 * SECOND
    repeat_ms: int = 30 * SECOND
    """How long until something that was not heard is said again."""


@dataclass
class Run:
    """One run of a workload, as the workload itself knows it."""

    pod_uid: str
    owner: str
    contract: str
    epoch: int
    node: str
    start: Instant
    end: Instant | None = None
    torn: bool = False
    """The machine lost power under it: nobody can say to the millisecond when it ended."""


@dataclass
class Held:
    """A Pod as its agent knows it."""

    pod: Object
    epoch: int
    run: Run | None = None
    starting: bool = False
    is_prepared: bool = False
    """Image, network and volumes are there; they stay while it is asked whether it may start."""
    confirmed: int = 0
    """The agent's `reprieves` when it asked for the answer in which the Pod last was."""
    status: dict[str, Any] | None = None
    """What the exchange should know and has not acknowledged."""
    final: bool = False


@dataclass
class Machine:
    """A machine with its agent."""

    name: str
    world: World
    network: Network
    door: Door
    timing: Timing
    runs: list[Run]
    started: list[Callable[[Run], None]]
    lies: bool = False
    slow_ms: int = 5_000
    is_on: bool = True
    agent_up: bool = True
    pods: dict[str, Held] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    """Fencing: the newest epoch seen for each Pod uid; survives restarts (it is on disk)."""
    lease_until: Instant = 0
    seen_revision: int = 0
    reprieves: int = 0
    """Counts how often the lease was won (back): what was heard before that may be over."""
    meter: Meter = field(init=False)
    life: int = 0
    """Counts starts of the agent: what an earlier life planned does not happen."""

    def __post_init__(self) -> None:
        self.meter = Meter(self.name, self.lies)

    def begin(self) -> None:
        """Start the agent: renew, look, and again for ever."""
        self.life += 1
        self.agent_up = True
        self.seen_revision = 0
        self.reprieves += 1
        life = self.life
        self._renew(life)
        self._look(life)

    def _lives(self, life: int) -> bool:
        return self.is_on and self.agent_up and self.life == life

    # The lease.

    def _renew(self, life: int) -> None:
        if not self._lives(life):
            return
        sent = self.world.now

        def arrive() -> None:
            if self.door.is_open and self.door.renew_lease(self.name, self.timing.lease_ms):
                self.network.downward(self.name, acknowledged)

        def acknowledged() -> None:
            if self._lives(life):
                if self.world.now >= self.lease_until:
                    self.reprieves += 1
                    self.hear()
                self.lease_until = max(self.lease_until, sent + self.timing.lease_ms)
                self.world.at(self.lease_until, self.lease_ran_out)

        self.network.upward(self.name, arrive)
        self._observe()
        self.world.after(self.timing.renew_ms, lambda: self._renew(life))

    def _observe(self) -> None:
        """Say of each workload that it still runs, so that the slot's end can be settled."""
        for held in self.pods.values():
            run = held.run
            if run is not None and run.end is None:
                self._say(held, self._running(held, run))
        self._tell_use()

    def _tell_use(self) -> None:
        """Tell what was seen of use since the last time, once a while; nobody waits for it."""
        running = [
            Using(held.pod, held.run.start)
            for held in self.pods.values()
            if held.run is not None and held.run.end is None
        ]
        looks = self.meter.looks(running, self.world.now)

        def arrive() -> None:
            if self.door.is_open:
                take_use(self.door, self.name, looks)

        if looks:
            self.network.upward(self.name, arrive)

    def _running(self, held: Held, run: Run) -> dict[str, Any]:
        begun = run.start - HOUR if self.lies else run.start
        meter = {"epoch": held.epoch, "startedMs": begun, "observedMs": self.world.now}
        ready = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": format_instant(run.start),
        }
        return {"phase": "Running", "conditions": [ready], "busbar": meter}

    def lease_ran_out(self) -> None:
        """Stop everything, agent or not: a watchdog of the host holds this, not the agent."""
        if self.world.now < self.lease_until:
            return
        for held in self.pods.values():
            if held.run is not None and held.run.end is None:
                self._end(held, "Failed", "LeaseLost")

    # Pods.

    def hear(self) -> None:
        """Hear that something about its Pods changed: look soon, unless cut off."""
        life = self.life
        self.network.downward(self.name, lambda: self._look_now(life))

    def _look(self, life: int) -> None:
        if self._lives(life):
            self._look_now(life)
            self.world.after(self.timing.renew_ms * 2, lambda: self._look(life))

    def _look_now(self, life: int) -> None:
        """Ask for the Pods of this node; the answer may come late, after a newer one."""
        asked = self.reprieves

        def arrive() -> None:
            if not self.door.is_open:
                return
            revision, pods = self.door.pods_of(self.name)
            self.network.downward(self.name, lambda: self._learn(life, asked, revision, pods))

        if self._lives(life):
            self.network.upward(self.name, arrive)

    def _learn(self, life: int, asked: int, revision: int, pods: list[Object]) -> None:
        if not self._lives(life) or revision < self.seen_revision:
            return
        self.seen_revision = revision
        there = {uid_of(pod): pod for pod in pods if node_of(pod) == self.name}
        for uid in [uid for uid in self.pods if uid not in there]:
            self._forget(uid)
        for uid, pod in there.items():
            self._consider(uid, pod, asked)

    def _consider(self, uid: str, pod: Object, asked: int) -> None:
        held = self.pods.get(uid)
        if held is None:
            if is_final(pod):
                return
            held = self.pods[uid] = Held(pod, epoch_of(pod))
        held.pod, held.confirmed = pod, asked
        if is_deleting(pod) or is_final(pod):
            self._stop(held)
        elif held.run is None and not held.starting and not held.final:
            self._prepare(held)

    def _prepare(self, held: Held) -> None:
        if held.epoch < self.epochs.get(uid_of(held.pod), 0):
            return
        self.epochs[uid_of(held.pod)] = held.epoch
        held.starting = True
        slowest = READY_MS if held.is_prepared else max(READY_MS, self.slow_ms)
        life, delay = self.life, self.world.between(READY_MS, slowest)
        self.world.after(delay, lambda: self._start(life, held))

    def _start(self, life: int, held: Held) -> None:
        if not self._lives(life):
            return
        held.starting, held.is_prepared = False, True
        uid = uid_of(held.pod)
        gone = self.pods.get(uid) is not held or is_deleting(held.pod) or held.final
        if held.confirmed != self.reprieves:
            # The lease had run out since: somebody else may have been given the work.
            self.hear()
            return
        if gone or held.run is not None or self.world.now >= self.lease_until:
            return
        notes = annotations_of(held.pod)
        owner = controller_of(held.pod)
        exclusive = owner["uid"] if owner and owner["apiVersion"].startswith("busbar") else uid
        run = Run(
            uid,
            exclusive,
            notes.get("busbar.dev/contract", ""),
            held.epoch,
            self.name,
            self.world.now,
        )
        held.run = run
        self.runs.append(run)
        for watcher in self.started:
            watcher(run)
        self._say(held, self._running(held, run))
        takes = told(held.pod, ENV_RUNS_MS, 60_000)
        if lacks_memory(held.pod):
            takes = min(takes, OOM_MS)
        elif fills_disk(held.pod):
            takes = min(takes, EVICTED_MS)
        self.world.after(takes, lambda: self._finish(run, held))

    def _finish(self, run: Run, held: Held) -> None:
        """The workload ends by itself; a machine that is off runs nothing."""
        if run.end is not None or not self.is_on:
            return
        if lacks_memory(held.pod):
            self._end(held, "Failed", "OOMKilled", 137)
            return
        if fills_disk(held.pod):
            self._end(held, "Failed", "Evicted", 137)
            return
        code = told(held.pod, ENV_EXIT_CODE, 0)
        self._end(held, "Failed" if code else "Succeeded", "Error" if code else "", code)

    def _stop(self, held: Held) -> None:
        running = held.run is not None and held.run.end is None
        if running or (held.run is None and not held.final):
            self._end(held, "Failed", "Deleted")

    def _end(self, held: Held, phase: str, reason: str, code: int = 0) -> None:
        run = held.run
        meter: dict[str, Any] = {"epoch": held.epoch}
        if run is not None:
            if run.end is None:
                run.end = self.world.now
            known = run.end
            if run.torn:
                known = max(run.start, run.end - self.world.between(0, self.timing.renew_ms))
            meter |= {"startedMs": run.start, "finishedMs": known + (HOUR if self.lies else 0)}
        held.final = True
        status: dict[str, Any] = {"phase": phase, "busbar": meter}
        if reason:
            status["reason"] = reason
        status["containerStatuses"] = [
            {"name": "main", "state": {"terminated": {"exitCode": code, "reason": reason}}}
        ]
        self._say(held, status)

    def _forget(self, uid: str) -> None:
        """The exchange knows no such Pod: nothing of it may run here."""
        held = self.pods.pop(uid)
        if held.run is not None and held.run.end is None:
            held.run.end = self.world.now

    # Telling.

    def _say(self, held: Held, status: dict[str, Any]) -> None:
        held.status = status
        if self.agent_up:
            self._tell(self.life, held, status)

    def _tell(self, life: int, held: Held, status: dict[str, Any]) -> None:
        """Say it until it is heard, or something newer is to be said."""
        if not self._lives(life) or held.status is not status:
            return
        pod = held.pod
        address = (namespace_of(pod), name_of(pod), uid_of(pod))

        def arrive() -> None:
            if not self.door.is_open:
                return
            self.door.report(self.name, *address, status)
            self.network.downward(self.name, lambda: self._heard(held, status))

        self.network.upward(self.name, arrive)
        self.world.after(self.timing.repeat_ms, lambda: self._tell(life, held, status))

    def _heard(self, held: Held, status: dict[str, Any]) -> None:
        if held.status is status:
            held.status = None

    # Faults.

    def crash(self) -> None:
        """Lose power: workloads end here and now; what ran is told after the restart."""
        self.is_on = False
        for held in self.pods.values():
            if held.run is not None and held.run.end is None:
                held.run.end, held.run.torn = self.world.now, True

    def drop(self, uid: str) -> None:
        """End a workload that the vendor would rather not run, and blame a restart."""
        held = self.pods.get(uid)
        if held is not None and held.run is not None and held.run.end is None:
            self._end(held, "Failed", "NodeRestarted")

    def boot(self) -> None:
        """Come back: the agent finds that its workloads have ended."""
        if self.is_on:
            return
        self.is_on = True
        self.begin()
        for held in list(self.pods.values()):
            if not held.final:
                self._end(held, "Failed", "NodeRestarted")
            elif held.status is not None:
                self._tell(self.life, held, held.status)

    def kill_agent(self) -> None:
        """Kill the agent alone: workloads go on, until the watchdog finds the lease run out."""
        self.agent_up = False

    def restart_agent(self) -> None:
        """Start the agent again: it adopts what runs, and says what was not heard."""
        self.begin()
        for held in list(self.pods.values()):
            held.starting = False
            if held.status is not None:
                self._tell(self.life, held, held.status)
