"""Lives of many seeds, some at a time, each in a process of its own.

Apart from `__main__.py`, since other processes cannot import what a program's main module holds.
Next: `cloud.py`, one life.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from busbar.simulator.checks.clearings import Reference
from busbar.simulator.cloud import Cloud, Failed, Told


class Life(NamedTuple):
    """What came of a seed: what it lived through, or what broke."""

    seed: int
    told: Told | None
    broke: str = ""


def live(hours: int, seed: int, reference: Reference | None = None) -> Life:
    """Live through one seed; with a `reference`, each clearing is worked out again by it."""
    try:
        return Life(seed, Cloud(seed, reference=reference).live(hours))
    except Failed as failed:
        return Life(seed, None, str(failed))


def lived(one: partial[Life], seeds: Iterable[int], jobs: int) -> Iterator[Life]:
    """Live through seeds, some at a time; the order is that in which they are through."""
    if jobs == 1:
        yield from map(one, seeds)
        return
    # A process of its own for each, made anew: nothing of one life is left in the next.
    with ProcessPoolExecutor(jobs, mp_context=get_context("forkserver")) as pool:
        left, running = iter(seeds), set[Future[Life]]()
        try:
            while True:
                running |= {pool.submit(one, seed) for seed in islice(left, jobs - len(running))}
                if not running:
                    return
                over, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in over)
        finally:
            pool.shutdown(cancel_futures=True)
