"""The node's Pod network as the agent uses it. Next: `nft.py`, `../runtimes/runc/sandboxes.py`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from busbar.agent.network import firewall, nft
from busbar.agent.network.plan import Network, Wire

IDLE_SECONDS = 30.0
ANSWER_SECONDS = 60.0
"""A busy machine takes long to start the worker, whose library takes a second when idle."""


class NetworkFailed(Exception):
    """The network could not be made; one sentence."""


class PodNetwork:
    """Makes and removes Pods' places in the network."""

    def __init__(self, network: Network, refused: tuple[str, ...]) -> None:
        self.network = network
        self._refused = refused
        self._apply = nft.opened()
        self._worker: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._tenants: dict[str, set[str]] = {}

    async def open(self) -> None:
        """Make the firewall; Pods of an earlier life are admitted again by `restore`."""
        await self._ask({"do": "forwarding"})
        await self._nft(firewall.base_rules(self.network, self._refused))

    async def restore(self, namespace: str, wire: Wire) -> None:
        """Admit a Pod that was wired in an earlier life of the agent."""
        await self._nft(firewall.bind(self.network, wire.interface, wire.address))
        await self.admit(namespace, wire)

    async def wire(self, wire: Wire, netns: str) -> None:
        """Connect a network namespace; nobody may talk to it before `admit`."""
        await self._ask(
            {"do": "wire", "interface": wire.interface, "address": wire.address, "netns": netns}
        )
        await self._nft(firewall.bind(self.network, wire.interface, wire.address))

    async def admit(self, namespace: str, wire: Wire) -> None:
        """Put an address among those of its tenant."""
        # A tenant's rule stays when its last Pod leaves: it is made once only.
        is_new = namespace not in self._tenants
        members = self._tenants.setdefault(namespace, set())
        members.add(wire.address)
        try:
            await self._nft(firewall.admit(self.network, namespace, wire.address, is_new=is_new))
        except NetworkFailed:
            members.discard(wire.address)
            if is_new:
                del self._tenants[namespace]
            raise

    async def unwire(self, namespace: str, wire: Wire) -> None:
        """Take a Pod off the network; fine if it is off."""
        members = self._tenants.get(namespace)
        if members and wire.address in members:
            members.discard(wire.address)
            rules = firewall.expel(self.network, namespace, wire.interface, wire.address)
            with contextlib.suppress(NetworkFailed):
                await self._nft(rules)
        await self._ask({"do": "unwire", "interface": wire.interface})

    async def interfaces(self) -> list[str]:
        """List the interfaces of this agent's Pods."""
        answer = await self._ask({"do": "interfaces", "prefix": self.network.prefix})
        return list(answer["interfaces"])

    async def remove(self) -> None:
        """Remove the firewall: this node is being taken down."""
        table = f"inet {self.network.table}"
        await self._nft(f"table {table}\ndelete table {table}\n")

    async def close(self) -> None:
        """End the worker."""
        async with self._lock:
            await self._end()

    async def _nft(self, rules: str) -> None:
        """Apply nftables rules, all or none. Not by the worker: a Pod's start waits for this."""
        # In a thread: somebody else's long list of rules may keep the kernel busy.
        wrong = await asyncio.to_thread(self._apply, rules)
        if wrong:
            raise NetworkFailed(f"nft: {wrong}")

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            worker = await self._running()
            try:
                line = await _exchange(worker, request)
            except BaseException:
                # Its answer may still come, and must not be taken for the next one's.
                self._worker = None
                with contextlib.suppress(ProcessLookupError):
                    worker.kill()
                raise
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(IDLE_SECONDS, self._let_go)
        if not line:
            raise NetworkFailed("the network worker ended; its words are in the agent's log")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NetworkFailed(str(answer["error"]))
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "busbar.agent.network.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        return self._worker

    def _let_go(self) -> None:
        """Close the idle worker's input: it ends by itself."""
        if self._worker is not None and self._worker.stdin is not None and not self._lock.locked():
            self._worker.stdin.close()
            self._worker = None

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._worker is not None and self._worker.returncode is None:
            assert self._worker.stdin is not None
            self._worker.stdin.close()
            await self._worker.wait()
        self._worker = None


async def _exchange(worker: asyncio.subprocess.Process, request: dict[str, Any]) -> bytes:
    """Send a request and read its answer; empty where the worker ended instead."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            await worker.stdin.drain()
            return await worker.stdout.readline()
    except TimeoutError:
        raise NetworkFailed(f"the network worker did not answer in {ANSWER_SECONDS} s") from None
    except ConnectionError:
        return b""
