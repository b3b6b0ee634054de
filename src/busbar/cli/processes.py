"""Processes that stay behind: the cloud and the agents of this machine.

Started detached with their output in a log file, known by a pid file, and only ever signalled
after a check that the pid still is the process we started. Next: `cloud.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from busbar.cli.errors import CliError, Exit


def running_pid(pid_file: Path) -> int | None:
    """Give the pid in a pid file if that very process still runs.

    The file holds "<pid> <start time>": a reused pid has another start time.
    """
    try:
        pid_text, start = pid_file.read_text().split()
        return int(pid_text) if _start_time(int(pid_text)) == start else None
    except (OSError, ValueError):
        return None


def write_pid(pid_file: Path, pid: int) -> None:
    """Write a pid file."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(f"{pid} {_start_time(pid)}\n")


def start(command: Sequence[str], log_file: Path, pid_file: Path) -> int:
    """Start a process that outlives this one."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log, open(os.devnull, "rb") as nothing:
        process = subprocess.Popen(
            command, stdin=nothing, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    write_pid(pid_file, process.pid)
    return process.pid


def wait_until(
    ready: Callable[[], bool], pid_file: Path, log_file: Path, what: str, seconds: float = 30.0
) -> None:
    """Wait for a started process to be ready; when it dies, end with its last line."""
    until = time.monotonic() + seconds
    while not ready():
        if running_pid(pid_file) is None:
            raise CliError(f"{what} did not start: {last_line(log_file)}", Exit.MACHINE)
        if time.monotonic() > until:
            raise CliError(f"{what} is not ready after {seconds:.0f} s; see {log_file}")
        time.sleep(0.05)


def stop(pid_file: Path, seconds: float = 20.0) -> bool:
    """Stop a process: SIGTERM, and SIGKILL after a while. Says whether it ran."""
    pid = running_pid(pid_file)
    if pid is None:
        pid_file.unlink(missing_ok=True)
        return False
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + seconds
    while running_pid(pid_file) is not None:
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
        _reap(pid)
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
    return True


def last_line(log_file: Path) -> str:
    """Give the last line of a log: the sentence with which a process gave up."""
    try:
        lines = [line for line in log_file.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return f"see {log_file}"
    return lines[-1].strip() if lines else f"see {log_file}"


def busbar_command(*arguments: str) -> list[str]:
    """Give the command that runs this very program."""
    return [sys.executable, "-m", "busbar", *arguments]


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _start_time(pid: int) -> str:
    """Give field 22 of /proc/PID/stat, and refuse zombies."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
