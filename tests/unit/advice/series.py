"""Series as workloads and namespaces have them: by seed, in nano-euro or thousandths of a cpu."""

from __future__ import annotations

import math
import random

from busbar.advice.unusual import is_weekend

FIRST = 497_000
"""An hour since 1970."""
SCALE = 1_000_000_000


def flat(chance: random.Random, hour: int) -> float:
    del hour
    return chance.gauss(1, 0.1)


def diurnal(chance: random.Random, hour: int) -> float:
    """Days and nights, and quiet weekends."""
    day = 1 + 0.8 * math.sin(2 * math.pi * (hour % 24) / 24)
    return day * (0.3 if is_weekend(hour) else 1) * chance.gauss(1, 0.15)


def skewed(chance: random.Random, hour: int) -> float:
    return diurnal(chance, hour) * chance.lognormvariate(0, 0.5)


def heavy(chance: random.Random, hour: int) -> float:
    """Without a finite third moment: rare hours are many times the usual."""
    del hour
    return chance.paretovariate(2.5)


def nightly(chance: random.Random, hour: int) -> float:
    """A job that runs at two."""
    return 5 * chance.gauss(1, 0.1) if hour % 24 == 2 else 0


def bursts(chance: random.Random, hour: int) -> float:
    """Jobs whenever somebody feels like it."""
    del hour
    return chance.expovariate(1) if chance.random() < 0.3 else 0


LAWS = (flat, diurnal, skewed, heavy, nightly, bursts)
TAME = (flat, diurnal, nightly)


def series(law: object, seed: int, weeks: int) -> dict[int, int]:
    """Give some weeks of a law."""
    chance = random.Random(f"{seed}")
    assert callable(law)
    hours = range(FIRST, FIRST + weeks * 168)
    return {hour: max(0, int(law(chance, hour) * SCALE)) for hour in hours}
