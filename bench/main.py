"""`bench/run`: run benchmarks by name and print one table.

    bench/run                 all of them
    bench/run start orders    some of them
    bench/run -o json         a list of rows: name, value, unit, goal, met, peer, peer_value

Each runs by itself, one after the other, on parts of its own (a cloud with ports and a network
namespace of its own, temporary folders), and takes down what it made. Exits 0 whether goals are
met or not: a number is reported, not judged, since machines differ.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from bench import options
from bench.report import Row, as_json, as_table, missing

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Give the names of the benchmarks: the modules here that define `rows`."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef rows(" in path.read_text())


def run(name: str) -> list[Row]:
    """Run one benchmark; one that cannot run gives a row that says why."""
    module = importlib.import_module(f"bench.{name}")
    try:
        return list(module.rows())
    except SystemExit as error:
        if isinstance(error.code, int):
            raise
        return [missing(name, "", None, f"not measured: {error}")]
    except (options.Unavailable, OSError) as error:
        return [missing(name, "", None, f"not measured: {error}")]
    except Exception as error:  # What broke one must not take the others' rows along.
        traceback.print_exc()
        return [missing(name, "", None, f"broken: {type(error).__name__}: {error}")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of: " + ", ".join(names()))
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--fresh", action="store_true", help="also what takes minutes")
    parser.add_argument(
        "--install-peers", action="store_true", help="install docker.io to compare with"
    )
    args = parser.parse_args(arguments)
    unknown = sorted(set(args.names) - set(names()))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(names())}")
    options.chosen = options.Options(args.fresh, args.install_peers)
    found: list[Row] = []
    for name in args.names or names():
        begin = time.monotonic()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        found += run(name)
        print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    print(as_json(found) if args.output == "json" else as_table(found))
    return 0


if __name__ == "__main__":
    # Ended from outside, a benchmark still takes down what it made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
