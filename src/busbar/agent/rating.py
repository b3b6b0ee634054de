"""How fast this machine is, against the reference vCPU: a short fixed benchmark.

A fixed piece of work (SHA-256 over a fixed buffer, integer arithmetic, sorting) is repeated on
one core and its best time compared with that of the reference. Best, not mean: another process
on the machine must not make it look slower than it is. The result is in millionths.
Next: `join.py`, which reports it, and `rerating.py`, which measures again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

REFERENCE_SECONDS = 0.030
"""The reference vCPU's best time for `work`: one core of a 2020s 2.5-3 GHz server."""
ROUNDS = 12


def work() -> int:
    """Do the fixed piece of work; the result is checked so that it cannot be skipped."""
    digest = hashlib.sha256()
    block = bytes(range(256)) * 4096
    for _ in range(16):
        digest.update(block)
    number, numbers = int.from_bytes(digest.digest()[:4], "big"), []
    for _ in range(60_000):
        number = (number * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        numbers.append(number)
    numbers.sort()
    return numbers[len(numbers) // 2]


def measure(clock: Callable[[], float], rounds: int = ROUNDS) -> int:
    """Give the speed rating in millionths of the reference. `clock` gives seconds."""
    best = float("inf")
    expected = work()
    for _ in range(rounds):
        start = clock()
        if work() != expected:
            raise RuntimeError("the benchmark gave two different results on this machine")
        best = min(best, clock() - start)
    return max(1, round(1_000_000 * REFERENCE_SECONDS / best))


if __name__ == "__main__":
    print(measure(time.process_time))
