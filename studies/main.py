"""`studies/run`: live through a study's seasons and print its table.

    studies/run scarcity        demand at 80, 100 and 150 % of supply
    studies/run strategies      what each play gains or loses against honest play
    studies/run reference       the rule written twice, and the optimum, on small books

The same seeds give the same table on any machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from studies import tables
from studies.reference import compare
from studies.scarcity import LOADS as SCARCITY_LOADS
from studies.scarcity import scarcity
from studies.strategies import LOADS, WITH_RIVALS, Gain, gains, plays


class Asked(NamedTuple):
    """What the command line asked for."""

    seed: int
    seeds: int
    hours: int
    jobs: int
    books: int

    @property
    def range(self) -> range:
        """Give the seeds."""
        return range(self.seed, self.seed + self.seeds)


def _scarcity(asked: Asked) -> list[list[str]]:
    study = partial(scarcity, list(asked.range), asked.hours)
    with ProcessPoolExecutor(asked.jobs) as pool:
        return tables.of_scarcity(list(pool.map(study, SCARCITY_LOADS)))


def _strategies(asked: Asked) -> list[list[str]]:
    known = plays()
    todo = [(number, load, False) for number in range(len(known)) for load in LOADS]
    dear = [number for number, play in enumerate(known) if play.name in WITH_RIVALS]
    todo += [(number, load, True) for number in dear for load in LOADS]
    with ProcessPoolExecutor(asked.jobs) as pool:
        found = list(pool.map(partial(_gain, asked), todo))
    return tables.of_strategies(found)


def _gain(asked: Asked, what: tuple[int, float, bool]) -> Gain:
    number, load, rivals = what
    return gains(asked.range, asked.hours, load, [plays()[number]], rivals=rivals)[0]


def _reference(asked: Asked) -> list[list[str]]:
    return tables.of_reference(list(compare(asked.seed, asked.books)))


HOURS = {"scarcity": 24, "strategies": 12, "reference": 1}
STUDIES = {"scarcity": _scarcity, "strategies": _strategies, "reference": _reference}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="studies/run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds from there")
    parser.add_argument("--hours", type=int, help="hours with orders of each season")
    parser.add_argument("--books", type=int, default=2000, help="small books of `reference`")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("-o", "--output", choices=("table", "markdown"), default="table")
    args = parser.parse_args(arguments)
    args.hours = HOURS[args.study] if args.hours is None else args.hours
    for name in ("seeds", "hours", "books", "jobs"):
        if getattr(args, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(args, name)}")
    asked = Asked(args.seed, args.seeds, args.hours, args.jobs, args.books)
    lines = STUDIES[args.study](asked)
    write = tables.as_markdown if args.output == "markdown" else tables.as_table
    print("\n".join(write(lines)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
