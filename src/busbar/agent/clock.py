"""The agent's clock as an argument, so that tests set it. Next: `settings.py`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from busbar.model.time import Instant


class Clock(Protocol):
    """Two clocks: one to tell the time, one to measure it."""

    def now(self) -> Instant:
        """Give the time of day, in milliseconds since 1970; may jump."""
        ...

    def monotonic(self) -> float:
        """Give seconds that only ever grow."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Give the machine's time of day."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Give the machine's boot-relative seconds; they go on while it sleeps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Give the id of this boot of the machine: monotonic time means nothing beyond it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
