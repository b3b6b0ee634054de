"""What a program says, asked in a process of its own and not waited for beyond its time.

Next: `storage.py` and `rerating.py`, who ask.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE


async def output_of(*command: str, within_seconds: float) -> bytes:
    """Give the standard output of a program, whatever its exit code.

    Raises `TimeoutError` where it does not end in time, and `OSError` where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(within_seconds):
            said, _ = await process.communicate()
    finally:
        # Also where the agent stops: a program that nobody waits for takes from the workloads.
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said
