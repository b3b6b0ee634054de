"""The agent as a process: `python -m busbar.agent --data DIR`.

    settings → runtime → Pods of an earlier life → lease, Pods, logs → ready

SIGTERM leaves the workloads alone: the next start takes them up again. With a file `drain` in the
data directory it stops them first and leaves the machine as it found it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from busbar import logfile
from busbar.agent import buckets
from busbar.agent import settings as agent_settings
from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.certificate import keep_certificate
from busbar.agent.clock import Clock, SystemClock
from busbar.agent.evictions import Evictor
from busbar.agent.hooks.prepare import Preparer
from busbar.agent.lease import NodeLease
from busbar.agent.logs import LogRequest
from busbar.agent.machine import MachineLacks, address_towards, check_machine
from busbar.agent.mounts import unmount_below
from busbar.agent.nodebuckets import NodeBuckets
from busbar.agent.nodeimages import NodeImages
from busbar.agent.pods import Pods
from busbar.agent.records import Records
from busbar.agent.relay import LogSource, Relay
from busbar.agent.rerating import Rerater
from busbar.agent.runtimes.contract import Runtime, RuntimeFailed
from busbar.agent.sampling import Sampler
from busbar.agent.settings import AgentSettings
from busbar.agent.stocktaking import Stocktaker
from busbar.agent.worker import Parts, PodWorker
from busbar.model.objects import Object, spec_of, uid_of

log = logging.getLogger("busbar.agent")
SWEEP_SECONDS = 300.0


class Agent:
    """One node's agent."""

    def __init__(self, settings: AgentSettings, runtime: Runtime, api: Api, clock: Clock) -> None:
        self.settings = settings
        self.runtime = runtime
        self._api, self._clock = api, clock
        self.lease = NodeLease(api, clock)
        self.records = Records(settings.directory)
        self.images = NodeImages(settings)
        mounter = NodeBuckets(api, settings)
        preparer = Preparer(
            api,
            runtime,
            self.images.ensure,
            mounter,
            self.records,
            address_towards(settings.server),
        )
        self._parts = Parts(api, runtime, preparer, self.records, clock, self.lease)
        self._known = self.records.load_all()
        self.pods = Pods(api, self._start_worker, lambda: self.lease.reprieves)
        self.relay = Relay(api, self._find_log)
        self.sampler = Sampler(api, runtime, self.pods, clock)
        self.evictor = Evictor(runtime, self.pods, self.records, settings.directory, clock)
        self.stocktaker = Stocktaker(api, self.images.catalog)
        self.rerater = Rerater(api, clock)

    def _start_worker(self, pod: Object) -> PodWorker:
        return PodWorker(self._parts, pod, self._known.pop(uid_of(pod), None))

    async def run(self) -> None:
        """Run until cancelled."""
        # First the right to run: without it, what is taken up would be stopped.
        with contextlib.suppress(Unreachable, ApiRefused):
            await self.lease.renew()
        for record in list(self._known.values()):
            self.pods.adopt(record.pod)
        await self._sweep()
        (self.settings.directory / "ready").touch()
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.lease.keep(self.pods.lease_changed))
            group.create_task(self.pods.run())
            group.create_task(self.relay.run())
            group.create_task(self.sampler.run())
            group.create_task(self.stocktaker.run())
            group.create_task(self.rerater.run())
            group.create_task(self.evictor.run())
            group.create_task(self._keep_clean())
            group.create_task(keep_certificate(self._api, self._clock))

    async def drain(self, seconds: float = 30.0) -> None:
        """Stop every workload and report it; gives up waiting after a while."""
        workers = [w for w in self.pods.workers.values() if isinstance(w, PodWorker)]
        for worker in workers:
            worker.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(worker.is_busy for worker in workers):
                    await asyncio.sleep(0.05)

    async def _keep_clean(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._sweep()
            await self.images.collect(self._images_in_use())

    async def _sweep(self) -> None:
        """Remove what belongs to no Pod: what crashes left behind."""
        known = set(self.pods.workers)
        for what in await self.runtime.sweep(known):
            log.info("swept: %s", what)
        # Asked anew: Pods have come while the runtime swept.
        for path in self.records.strays(set(self.pods.workers)):
            self.records.remove(path.name)
            log.info("swept: %s", path)

    def _images_in_use(self) -> set[str]:
        found = set()
        for worker in self.pods.workers.values():
            if isinstance(worker, PodWorker):
                found |= worker.images
        return found

    def _find_log(self, request: LogRequest) -> LogSource | str:
        worker = self.pods.find(request.namespace, request.pod, request.uid)
        if not isinstance(worker, PodWorker):
            return f"Pod {request.namespace}/{request.pod} is not on this node"
        names = [c["name"] for c in spec_of(worker.pod).get("containers") or ()]
        return worker.log_source(request.container or (names[0] if names else ""), request.previous)


async def main_async(settings: AgentSettings) -> None:
    """Run an agent until SIGTERM."""
    check_machine(settings)
    runtime = await open_runtime(settings)
    async with Api(settings) as api:
        agent = Agent(settings, runtime, api, SystemClock())
        running = asyncio.create_task(agent.run())
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        drain = (settings.directory / "drain").exists()
        if drain:
            await agent.drain()
        running.cancel()
        stopping.cancel()
        results = await asyncio.gather(running, return_exceptions=True)
        if drain:
            await take_down(settings, runtime)
        await runtime.close()
        (settings.directory / "ready").unlink(missing_ok=True)
        if isinstance(results[0], Exception):
            raise results[0]


async def take_down(settings: AgentSettings, runtime: Runtime) -> None:
    """Leave the machine as it was before it joined, but for the data directory."""
    records = Records(settings.directory)
    for path in records.strays(set()):
        for target in sorted((path / "volumes" / "csi").glob("*")):
            await buckets.unmount(target)
        await runtime.release(path.name)
        unmount_below(path)
    await runtime.sweep(set())
    from busbar.agent.runtimes.runc.runtime import RuncRuntime

    if isinstance(runtime, RuncRuntime):
        await runtime.take_down()


async def take_down_only(settings: AgentSettings) -> None:
    """Clean up after an agent that died and is not wanted back."""
    runtime = await open_runtime(settings)
    await take_down(settings, runtime)
    await runtime.close()


async def open_runtime(settings: AgentSettings) -> Runtime:
    """Open the runtime that the settings name."""
    from busbar.agent.network.network import PodNetwork
    from busbar.agent.network.plan import Network, tag_of
    from busbar.agent.runtimes.runc.runtime import RuncRuntime

    directory = settings.directory / "runtime"
    refused = tuple(sorted(_addresses(settings)))
    network = PodNetwork(Network(tag_of(str(directory)), settings.pod_cidr), refused)
    try:
        return await RuncRuntime.open(directory, network, settings.lease_file, settings.runtime)
    except RuntimeFailed as failed:
        raise MachineLacks(failed.message) from None


def _addresses(settings: AgentSettings) -> set[str]:
    """Give the addresses that no Pod may reach: the cloud's, and this node's own."""
    found = {settings.pod_cidr}
    host = urlsplit(settings.server).hostname or ""
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(host, None, socket.AF_INET)}
    found.add(address_towards(settings.server))
    return {address for address in found if address}


def lock(directory: Path) -> int:
    """Keep a second agent off this data directory; the lock ends with the process."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise agent_settings.SettingsMissing(
            f"another agent runs on {directory}; stop it first with `busbar agent stop`"
        ) from None
    return descriptor


def main() -> int:
    """Run the agent; every expected failure is one sentence."""
    parser = argparse.ArgumentParser(prog="busbar.agent")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--take-down", action="store_true", help="remove all and end")
    options = parser.parse_args()
    logfile.configure(options.data / "agent.log")
    try:
        settings = agent_settings.load(options.data)
        lock(options.data)
        asyncio.run(take_down_only(settings) if options.take_down else main_async(settings))
    except (agent_settings.SettingsMissing, MachineLacks) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
