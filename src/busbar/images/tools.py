"""Runs the programs that make layers, and knows how far they are. Next: `steps.py`."""

from __future__ import annotations

import collections
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from busbar.images.refusals import ImageError, ImageRefusal

Fraction = Callable[[float], None]
"""Called with how much of a step is done, from 0 to 1."""

POLL_S = 0.25
ALMOST = 0.99
"""An estimate never says that a step is done."""


def run_tool(
    command: list[str],
    log: Path,
    *,
    done: Callable[[int], float],
    report: Fraction,
    env: dict[str, str] | None = None,
) -> None:
    """Run `command` to its end; `done(lines printed so far)` says how far it is.

    All its output goes to `log`; where it fails, the last telling line is in the sentence.
    """
    tail: collections.deque[str] = collections.deque(maxlen=40)
    process = _start(command, env)
    lines = 0

    def read() -> None:
        nonlocal lines
        assert process.stdout is not None
        with open(log, "ab") as out:
            for line in process.stdout:
                out.write(line)
                tail.append(line.decode(errors="replace").strip())
                lines += 1

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        reading = True
        while reading:
            reader.join(POLL_S)
            # Asked before it is told: so the last word counts every line, however soon it ended.
            reading = reader.is_alive()
            report(min(ALMOST, done(lines)))
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code != 0:
        raise ImageError(
            ImageRefusal.BUILD_FAILED,
            f"{Path(command[0]).name} failed ({_telling(tail)}): the whole output is in {log}.",
        )


def _start(command: list[str], env: dict[str, str] | None) -> subprocess.Popen[bytes]:
    name = command[0]
    if shutil.which(name) is None:
        raise ImageError(
            ImageRefusal.TOOL_MISSING,
            f"{name} is not installed: install it with `apt-get install {name}`.",
        )
    return subprocess.Popen(
        # It ends with this process, however that ends.
        ["setpriv", "--pdeathsig", "KILL", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=None if env is None else {**os.environ, **env},
        # A group of its own: whatever the tool started ends with it.
        process_group=0,
    )


def _telling(tail: collections.deque[str]) -> str:
    telling = [line for line in tail if line.lower().startswith(("e:", "error", "fatal"))]
    return (telling or list(tail) or ["it said nothing"])[-1][:300]
