"""How long a newcomer waits: ./quickstart where all is in place; with --fresh, from nothing.

The second run is made on the data directory of this machine's quickstart (BUSBAR_DATA, else the
default), as a newcomer would: it must have been run before. The first run needs a machine on which
no quickstart's cloud runs, since the vendors' network has fixed names; it uses a data directory
and a .venv of its own, and removes both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench import options
from bench.cloud import ROOT
from bench.options import Unavailable
from bench.report import Row, at_most, missing

from busbar.cli import machines
from busbar.server.settings import data_directory

SECOND_GOAL_S, FIRST_GOAL_S = 30, 300


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    found = [_row("quickstart, second run", SECOND_GOAL_S, _second)]
    if options.chosen.fresh:
        found.append(_row("quickstart, first run", FIRST_GOAL_S, _first))
    return found


def _row(name: str, goal: float, measure: object) -> Row:
    assert callable(measure)
    try:
        return at_most(name, measure(), "s", goal)
    except Unavailable as error:
        return missing(name, "s", goal, str(error))


def _second() -> float:
    data = data_directory()
    if not (data / "quickstart").exists():
        raise Unavailable(f"no quickstart has run with its data in {data}; run ./quickstart first")
    return _run(ROOT, data)


def _first() -> float:
    if machines.names(data_directory()) or Path("/sys/class/net/busbar0").exists():
        raise Unavailable("a quickstart's cloud is on this machine; end it with `busbar down`")
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    project, data = folder / "project", folder / "data"
    try:
        # What git knows of, as a clone would have it: no .venv, no cache.
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
        return _run(project, data)
    finally:
        command = [str(project / ".venv" / "bin" / "busbar"), "--data", str(data), "down"]
        if Path(command[0]).exists():
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if not machines.mounts_below(data):
            shutil.rmtree(folder, ignore_errors=True)


def _run(project: Path, data: Path) -> float:
    if os.geteuid() != 0:
        raise Unavailable("needs root, since it runs containers; run bench/run as root")
    begin = time.monotonic()
    done = subprocess.run(
        ["./quickstart"],
        cwd=project,
        env={**os.environ, "BUSBAR_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        raise Unavailable(f"./quickstart ended with {done.returncode}: {words[-1]}")
    return time.monotonic() - begin
