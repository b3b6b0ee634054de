"""A few thousand simulated hours; `python -m busbar.simulator --seed N` lives one of them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from busbar.replay.funnel import clear_again
from busbar.simulator.lives import Life, live

HOURS = 48
SEEDS = range(1, 43)
WITH_REFERENCE = 4
"""Every so many seeds, each clearing is worked out again by the independent reference."""


@pytest.fixture(scope="module")
def lives() -> Iterator[dict[int, Future[Life]]]:
    """Live through all seeds, one on each processor."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        try:
            yield {
                seed: pool.submit(live, HOURS, seed, None if seed % WITH_REFERENCE else clear_again)
                for seed in SEEDS
            }
        finally:
            pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invariant_holds_for_days_of_faults(lives: dict[int, Future[Life]], seed: int):
    assert lives[seed].result().broke == ""
