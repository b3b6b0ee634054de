"""Asks the shim server; starts it when it is not there. Next: `sandboxes.py`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

from busbar.agent.runtimes.contract import RuntimeFailed

ANSWER_SECONDS = 60.0
SHIM = Path(__file__).with_name("shim.py")


class ShimClient:
    """A way to the shim server of one agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request, give the answer; raises `RuntimeFailed`."""
        await self._running()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self._exchange(request)
        except TimeoutError:
            raise RuntimeFailed(
                f"the container's helper process did not answer in {ANSWER_SECONDS:.0f} s"
            ) from None
        except OSError as error:
            raise RuntimeFailed(f"the containers' helper process: {error}") from None
        if not line:
            raise RuntimeFailed("the container's helper process ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeFailed(str(answer["error"]))
        return answer

    async def _exchange(self, request: dict[str, Any]) -> bytes:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setblocking(False)
            await loop.sock_connect(connection, str(self._path))
            await loop.sock_sendall(connection, json.dumps(request).encode() + b"\n")
            line = b""
            while not line.endswith(b"\n") and (piece := await loop.sock_recv(connection, 4096)):
                line += piece
            return line

    async def close(self) -> None:
        """End the server; the processes beside running containers go on."""
        if self._server is not None and self._server.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._server.kill()
            await self._server.wait()

    async def _running(self) -> None:
        async with self._lock:
            if self._server is not None and self._server.returncode is None:
                return
            self._path.unlink(missing_ok=True)
            # -I -S: no site packages, nothing from the environment: small, and quick to start.
            self._server = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(SHIM),
                str(self._path),
                stdin=asyncio.subprocess.DEVNULL,
                # It outlives us: a pipe of ours would stay open for as long.
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            for _ in range(500):
                if self._path.exists():
                    return
                if self._server.returncode is not None:
                    break
                await asyncio.sleep(0.01)
            raise RuntimeFailed("the containers' helper process did not start")
