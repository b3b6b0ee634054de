"""The control plane's only clock and only source of random ids."""

from __future__ import annotations

import os
import time

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
    """Give a random UUID (RFC 9562, version 4).

    Asking the kernel once for many, and writing it by hand, costs a tenth of `uuid.uuid4`.
    """
    if not _random:
        block = os.urandom(_RANDOM_BYTES).hex()
        _random.extend(block[i : i + 32] for i in range(0, len(block), 32))
    digits = _random.pop()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_RANDOM_BYTES = 4096
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_random: list[str] = []
