"""Runs a command beside a container's first process, for probes. Next: `runtime.py`.

It is told in full who the command is (the first process, but for the words): left to themselves,
runc takes that over and crun does not. Output is not read: it is a stranger's, and there may be no
end of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

REAP_SECONDS = 2.0


async def execute(
    engine: list[str], container_id: str, process: dict[str, Any], seconds: float, place: Path
) -> int | None:
    """Give the exit code; None where it did not end in time, and was ended."""
    order, pid_file = place.with_suffix(".json"), place.with_suffix(".pid")
    order.write_text(json.dumps(process))
    words = [*engine, "exec", "--pid-file", str(pid_file), "--process", str(order), container_id]
    running = await asyncio.create_subprocess_exec(
        *words, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )
    try:
        async with asyncio.timeout(seconds):
            return await running.wait()
    except TimeoutError:
        return None
    finally:
        if running.returncode is None:
            await _end(running, pid_file)
        order.unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)


async def _end(process: Process, pid_file: Path) -> None:
    """Kill the command itself, so that the runtime reaps it; else the runtime."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)  # The machine's number of it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REAP_SECONDS):
                await process.wait()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
