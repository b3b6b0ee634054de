"""`python -m busbar.simulator --seed N --hours H`: live through a cloud, or through many."""

from __future__ import annotations

import argparse
import sys

from busbar.simulator.cloud import Cloud, Failed


def main(arguments: list[str] | None = None) -> int:
    """Run seeds one after the other; 1 where an invariant broke."""
    parser = argparse.ArgumentParser(prog="python -m busbar.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds from there")
    parser.add_argument("--hours", type=int, default=48, help="simulated hours of each")
    chosen = parser.parse_args(arguments)
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        try:
            told = Cloud(seed).live(chosen.hours)
        except Failed as failed:
            print(failed, file=sys.stderr)
            return 1
        euro = told.billed_nano / 10**9
        print(
            f"seed {seed}: {told.hours} h, {told.steps} steps, {told.commits} commits, "
            f"{told.contracts} contracts, {told.faults} faults, {euro:.2f} € billed: all held",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
