"""Starting workers, each anew when it ends, and stopping them. Next: `__main__.py`."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from pathlib import Path
from typing import Final, NamedTuple

from busbar.server.addresses import CannotStart
from busbar.server.workers.answering import Answering, App
from busbar.server.workers.channel import Channel
from busbar.server.workers.wire import LOG, READY, RENEW, STOP, Message

log = logging.getLogger("busbar.server")

AGAIN_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0
"""Longer than a worker lets running requests end for."""
START_SECONDS: Final = 30.0


class TlsFiles(NamedTuple):
    """What a worker reads its TLS context from."""

    certificate: Path
    key: Path
    authority: Path


class WorkerPool:
    """Some workers on one listening socket, and the application they hand their requests to."""

    def __init__(self, app: App, count: int, files: TlsFiles) -> None:
        self._app = app
        self._count = count
        self._files = files
        self._channels: dict[Channel, int] = {}
        self._running: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, listener: socket.socket) -> int:
        """Let all of them listen; gives the port. Raises `CannotStart` where one does not."""
        listens = [asyncio.Event() for _ in range(self._count)]
        self._running = [asyncio.create_task(self._keep(listener, event)) for event in listens]
        try:
            async with asyncio.timeout(START_SECONDS):
                for event in listens:
                    await event.wait()
        except TimeoutError:
            await self.stop()
            raise CannotStart(
                f"no HTTP worker listens after {START_SECONDS:.0f} s, the log says why; with "
                '"api_workers": 0 in busbar.json the control plane does without them'
            ) from None
        port: int = listener.getsockname()[1]
        return port

    @property
    def pids(self) -> tuple[int, ...]:
        """Give the processes of the workers."""
        return tuple(self._channels.values())

    def renew(self) -> None:
        """Let new connections get the server's renewed certificate."""
        for channel in self._channels:
            channel.send((RENEW, 0))

    async def stop(self) -> None:
        """Stop listening, let running requests end for a moment, then break them off."""
        self._stopping = True
        for channel in self._channels:
            channel.send((STOP, 0))
        await self._ended()

    def hang_up(self) -> None:
        """Leave the workers, as when the control plane ends of a sudden: they end as well."""
        self._stopping = True
        for channel in self._channels:
            channel.close()

    async def _ended(self) -> None:
        for task in self._running:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await task
            except TimeoutError:
                log.warning("a worker did not end in time")

    async def _keep(self, listener: socket.socket, listens: asyncio.Event) -> None:
        """Have one worker for ever."""
        while not self._stopping:
            try:
                how = f"ended with code {await self._run(listener, listens)}"
            except OSError as error:
                how = f"could not be started: {error}"
            if not self._stopping:
                log.error("an HTTP worker %s; another is started", how)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _run(self, listener: socket.socket, listens: asyncio.Event) -> int:
        """Run one worker until it ends; gives its exit code."""
        answering = Answering(self._app)
        ours, theirs = socket.socketpair()
        with theirs:
            files = (str(path) for path in self._files)
            numbers = (listener.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "busbar.server.workers", *map(str, numbers), *files),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=numbers,
                # Ctrl-C at a terminal is for the control plane, which stops its workers in order.
                start_new_session=True,
            )

        def take(message: Message) -> None:
            if message[0] == READY:
                listens.set()
            elif message[0] == LOG:
                log.log(message[2], "worker %d: %s", process.pid, message[3])
            else:
                answering.take(message)

        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(
            lambda: Channel(take, answering.give_up), sock=ours
        )
        answering.channel = channel
        self._channels[channel] = process.pid
        if self._stopping:
            channel.send((STOP, 0))
        try:
            return await process.wait()
        finally:
            del self._channels[channel]
            channel.close()
            if process.returncode is None:
                process.kill()
