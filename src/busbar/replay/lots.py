"""Lots: how ties are drawn. Next: `calendars.py`."""

from __future__ import annotations

import hashlib

MASK = 2**64 - 1


def mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def lot(name: str, seed: int) -> int:
    first8 = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return mix(int.from_bytes(first8, "big") ^ mix(seed & MASK))
