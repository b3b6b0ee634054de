"""The simulator: simulated hours a second with a thousand machines and a hundred tenants, and with
the ordinary small clouds that a night of testing lives through; every invariant checked.

    python bench/simulator.py [-o json]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.report import Row, as_json, as_table, at_least, shown

from busbar.model.time import HOUR, MINUTE
from busbar.simulator.cloud import Cloud
from busbar.simulator.profile import LARGE

LARGE_MS = 30 * MINUTE
SEEDS, HOURS = range(1, 13), 48
NIGHT_HOURS, NIGHT_SECONDS = 10_000, 8 * 3600


def large() -> Row:
    """Give the row of the large cloud."""
    cloud = Cloud(1, LARGE)
    wall, cpu = time.perf_counter(), time.process_time()
    cloud.begin()
    cloud.run(LARGE_MS)
    taken, spent = time.perf_counter() - wall, time.process_time() - cpu
    hours = LARGE_MS / HOUR
    name = f"{LARGE.machines:,} machines, {LARGE.namespaces} tenants, under faults"
    note = f"{cloud.commits:,} commits, {spent / hours:.0f} s of processor time a simulated hour"
    return shown(name, hours / taken, "h/s")._replace(note=note)


def small() -> Row:
    """Give the row of ordinary clouds, with the rate that a night needs as its goal."""
    wall, hours, commits = time.perf_counter(), 0, 0
    for seed in SEEDS:
        told = Cloud(seed).live(HOURS)
        hours, commits = hours + told.hours, commits + told.commits
    taken = time.perf_counter() - wall
    name = f"ordinary clouds: {NIGHT_HOURS:,} hours in a night of eight"
    row = at_least(name, hours / taken, "h/s", NIGHT_HOURS / NIGHT_SECONDS)
    return row._replace(note=f"{len(SEEDS)} seeds, {hours} h, {commits:,} commits: all held")


def rows() -> list[Row]:
    """Give the rows of the table."""
    return [large(), small()]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", choices=("table", "json"), default="table")
    found = rows()
    print(as_json(found) if parser.parse_args().o == "json" else as_table(found))


if __name__ == "__main__":
    main()
