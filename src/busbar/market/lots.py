"""Lots: how ties are broken. Nobody can choose one, everybody can recompute it.

lot(name, seed) = mix(first 8 bytes of BLAKE2b(name) xor mix(seed)), mix being the finaliser of
SplitMix64 (Steele, Lea, Flood 2014); the smaller lot goes first. The seed of a batch is its time,
which nobody knows when they name their order or node. Next: `columns.py`.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1


def name_key(name: str) -> int:
    """Give the 64 bits that stand for a name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def mix(value: int) -> int:
    """Scramble 64 bits."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def lot(name: str, seed: int) -> int:
    """Draw the lot of a name in a batch."""
    return mix(name_key(name) ^ mix(seed & _MASK))


def lots(keys: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Draw the lots of many names at once, from their `name_key`s."""
    values = keys ^ np.uint64(mix(seed & _MASK))
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
