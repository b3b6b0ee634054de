"""How long a newcomer waits: ./quickstart where all is in place; with --fresh, from nothing.

On a data directory and ports of its own, so that a cloud of this machine is left alone. A first
run, not counted, puts everything in place (the image comes from this machine's image store where
it is); the second is timed. The fresh one begins with a clone of the project: no .venv, no image,
no corpus; only the OS packages may be there already.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import options
from bench.cloud import ROOT, existing_store, spare_ports
from bench.options import Unavailable
from bench.report import Row, at_most, missing

from busbar.cli import machines

SECOND_GOAL_S, FIRST_GOAL_S = 30, 300
IMAGE = "docker.io/apache/spark:latest"


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    found = [_row("quickstart, second run", SECOND_GOAL_S, _second)]
    if options.chosen.fresh:
        found.append(_row("quickstart, first run", FIRST_GOAL_S, _first))
    return found


def _row(name: str, goal: float, measure: Callable[[Path], float]) -> Row:
    if os.geteuid() != 0:
        return missing(name, "s", goal, "needs root, since it runs containers")
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    folder.chmod(0o755)
    try:
        _choose_ports(folder / "data")
        return at_most(name, measure(folder), "s", goal)
    except Unavailable as error:
        return missing(name, "s", goal, str(error))
    finally:
        command = [sys.executable, "-m", "busbar", "--data", str(folder / "data"), "down"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if not machines.mounts_below(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _second(folder: Path) -> float:
    images = existing_store(IMAGE)
    if images is not None:
        (folder / "data" / "images").symlink_to(images)
    _run(ROOT, folder / "data")
    return _run(ROOT, folder / "data")


def _first(folder: Path) -> float:
    project = folder / "project"
    # What git knows of, as a clone would have it: no .venv, no cache.
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    return _run(project, folder / "data")


def _choose_ports(data: Path) -> None:
    data.mkdir()
    names = ("api_port", "s3_port", "s3_tls_port")
    ports = dict(zip(names, spare_ports(3), strict=True))
    (data / "busbar.json").write_text(json.dumps(ports))


def _run(project: Path, data: Path) -> float:
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
