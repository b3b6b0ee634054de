"""The control plane's only clock and only source of random ids."""

from __future__ import annotations

import os
import time

from busbar.model.ids import uuid_text
from busbar.model.time import Instant


def now() -> Instant:
    """Give the time of day in milliseconds since 1970.

    Never backwards within a process: a clock set back by an hour must not make leases, slots or
    bills run twice. It stands still instead, until the machine's clock has caught up.
    """
    global _latest
    _latest = max(_latest, time.time_ns() // 1_000_000)
    return _latest


_latest: Instant = 0


def new_uid() -> str:
    """Give a random UUID (version 4). Asking the kernel once for many costs a tenth."""
    if not _random:
        block = os.urandom(_RANDOM_BYTES).hex()
        _random.extend(block[i : i + 32] for i in range(0, len(block), 32))
    return uuid_text(_random.pop())


_RANDOM_BYTES = 4096
_random: list[str] = []
