"""Asks a container how it is: over HTTP, TCP, or with a command inside. Next: the runtime.

Only the Pod's own address is asked, redirects are not followed, and nothing of an answer but its
status is read: whoever answers is a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

import aiohttp

from busbar.agent.probes.spec import Exec, HttpGet, Probe, TcpSocket
from busbar.agent.runtimes.contract import Runtime, RuntimeFailed


class Answer(NamedTuple):
    """What came of a check; the message says why it failed."""

    success: bool
    message: str = ""


class Checker:
    """Carries out checks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def ask(self, probe: Probe, container_id: str, address: str) -> Answer:
        """Carry out one check; takes as long as the probe's timeout at most, or little more."""
        handler = probe.handler
        if isinstance(handler, Exec):
            return await self._execute(handler, container_id, probe.timeout_seconds)
        asking = _http(handler, address) if isinstance(handler, HttpGet) else _tcp(handler, address)
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await asking
        except TimeoutError:
            return Answer(False, f"no answer within {probe.timeout_seconds} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(False, str(error) or type(error).__name__)

    async def _execute(self, handler: Exec, container_id: str, timeout: int) -> Answer:
        try:
            code = await self._runtime.execute(container_id, handler.command, timeout)
        except RuntimeFailed as failed:
            return Answer(False, failed.message)
        if code is None:
            return Answer(False, f"the command did not end within {timeout} s")
        return Answer(code == 0, "" if code == 0 else f"the command ended with exit code {code}")


async def _tcp(handler: TcpSocket, address: str) -> Answer:
    _, writer = await asyncio.open_connection(address, handler.port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Answer(True)


async def _http(handler: HttpGet, address: str) -> Answer:
    url = f"{handler.scheme.lower()}://{address}:{handler.port}{handler.path}"
    headers = {"User-Agent": "kube-probe/busbar", "Accept": "*/*", **dict(handler.headers)}
    # One connection each, as the kubelet: a server that hangs up on idle ones is not at fault.
    connector = aiohttp.TCPConnector(force_close=True, ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(url, headers=headers, allow_redirects=False) as reply:
            if 200 <= reply.status < 400:
                return Answer(True)
            return Answer(False, f"it answered with the status {reply.status}")
