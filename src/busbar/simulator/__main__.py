"""`python -m busbar.simulator --seed N --hours H`: live through a cloud, or through many.

`--total 10000 --jobs 2` goes on from seed to seed until so many hours have been lived through: a
night's work. Every seed has its line; where invariants broke, the last line names the seeds, and
how to see each again was said when it broke.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count, islice

from busbar.simulator.cloud import Told
from busbar.simulator.lives import Life, live, lived


def main(arguments: list[str] | None = None) -> int:
    """Run seeds; 1 where an invariant broke in any."""
    parser = argparse.ArgumentParser(
        prog="python -m busbar.simulator", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, help="how many seeds from there (default 1)")
    parser.add_argument("--hours", type=int, default=48, help="simulated hours of each")
    parser.add_argument("--total", type=int, help="go on until so many hours are lived through")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    chosen = parser.parse_args(arguments)
    for name in ("seeds", "hours", "total", "jobs"):
        value = getattr(chosen, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be at least 1, got {value}")
    if chosen.seeds is not None and chosen.total is not None:
        parser.error("--seeds and --total both say when to stop: give one of them")
    seeds: Iterable[int] = count(chosen.seed)
    if chosen.total is None:
        seeds = islice(seeds, chosen.seeds or 1)
    lives = lived(partial(live, chosen.hours), seeds, chosen.jobs)
    return tell(lives, chosen.total)


def tell(lives: Iterator[Life], total: int | None) -> int:
    """Print a line for each life, until there are enough hours; 1 where something broke."""
    hours, seeds, failed = 0, 0, list[int]()
    for life in lives:
        seeds += 1
        if life.told is None:
            failed.append(life.seed)
            print(life.broke, file=sys.stderr, flush=True)
        else:
            hours += life.told.hours
            print(_line(life.told), flush=True)
        if total is not None and hours >= total:
            break
    if seeds > 1:
        print(f"{seeds} seeds, {hours:,} simulated hours: {_verdict(failed)}", flush=True)
    return 1 if failed else 0


def _line(told: Told) -> str:
    return (
        f"seed {told.seed}: {told.hours} h, {told.steps} steps, {told.commits} commits, "
        f"{told.contracts} contracts, {told.faults} faults, "
        f"{told.billed_nano / 10**9:.2f} € billed: all held"
    )


def _verdict(failed: list[int]) -> str:
    if not failed:
        return "all held"
    return "broken in seed " + ", ".join(map(str, sorted(failed)))


if __name__ == "__main__":
    sys.exit(main())
