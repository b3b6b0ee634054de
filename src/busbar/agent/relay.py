"""Answers what the cloud asks of this node, over connections that the node opened.

The node sits behind NAT: it keeps one request open on which questions arrive, a JSON line each,
and answers each with a POST of its own. Next: `logs.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.logs import LogRequest, stream

log = logging.getLogger("busbar.agent.relay")
CONCURRENT_MAX = 64


class LogSource:
    """Where one container's log is: its files, and whether it still runs."""

    def __init__(self, files: Callable[[], list[Path]], is_running: Callable[[], bool]) -> None:
        self.files = files
        self.is_running = is_running


Find = Callable[[LogRequest], LogSource | str]
"""Finds a container's log, or says in one sentence why there is none."""


class Relay:
    """Keeps the request channel open and serves what arrives on it."""

    def __init__(self, api: Api, find: Find) -> None:
        self._api = api
        self._find = find
        self._node = api.settings.node
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve for ever; reconnect with a short pause."""
        path = f"/agent/v1/nodes/{self._node}/requests"
        while True:
            try:
                async for message in self._api.lines(path, {}):
                    self._accept(message)
            except (Unreachable, ApiRefused) as error:
                log.info("request channel closed: %s", error)
            await asyncio.sleep(0.5)

    def _accept(self, message: dict[str, object]) -> None:
        try:
            request = msgspec.convert(message, LogRequest)
        except msgspec.ValidationError:
            return  # A keep-alive line, or a question of a later version.
        if request.kind != "logs" or len(self._tasks) >= CONCURRENT_MAX:
            return
        task = asyncio.create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: LogRequest) -> None:
        path = f"/agent/v1/nodes/{self._node}/streams/{request.id}"
        try:
            await self._api.upload(path, self._chunks(request))
        except (Unreachable, ApiRefused) as error:
            log.info("log stream %s ended: %s", request.id, error)

    async def _chunks(self, request: LogRequest) -> AsyncIterator[bytes]:
        source = self._find(request)
        if isinstance(source, str):
            yield source.encode() + b"\n"
            return
        async for chunk in stream(source.files, request, source.is_running):
            yield chunk
