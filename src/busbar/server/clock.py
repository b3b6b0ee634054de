"""The control plane's only clock and only source of random ids."""

from __future__ import annotations

import os
import time
import uuid

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
    """Give a random UUID (version 4)."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))
