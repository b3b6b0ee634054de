"""The garbage collector, set for a process that keeps many objects and makes few cycles.

Stored objects are trees: reference counts free them. Python's defaults walk all of them again
and again, which costs a third of the throughput of writes and, with a million objects, stops the
world for a second. Here each object is walked once, while it is young, and then left alone. The
few cycles that outlive that (a connection and its protocol) are swept up from time to time.
"""

from __future__ import annotations

import asyncio
import gc

_YOUNG = 20_000
"""New containers before the young are looked at: a millisecond's walk. Python's default is 700."""
_NEVER = 1 << 30
SWEEP_SECONDS = 3600.0


def leave_alone() -> None:
    """Let the collector not walk what is there now again: it stays."""
    gc.collect()
    gc.freeze()


def calm_collector() -> None:
    """Leave what is loaded alone, and look at what is new once."""
    leave_alone()
    gc.set_threshold(_YOUNG, _NEVER, _NEVER)
    if _looked not in gc.callbacks:
        gc.callbacks.append(_looked)


def _looked(phase: str, info: dict[str, int]) -> None:
    """After a look at the young: what is still there is here to stay."""
    if phase == "stop" and info["generation"] == 0:
        gc.freeze()


async def sweep_now_and_then() -> None:
    """Look at everything once an hour: for ever."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        gc.unfreeze()
        leave_alone()
