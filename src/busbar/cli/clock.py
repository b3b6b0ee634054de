"""The clock of commands. Next: `context.py`."""

from __future__ import annotations

import time

from busbar.model.time import Instant


def now() -> Instant:
    """Give the time of day in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
