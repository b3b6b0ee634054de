"""Processes that stay behind: the cloud and the agents of this machine.

Started detached with their output in a log file, known by a pid file, and only ever signalled
after a check that the pid still is the process we started. Next: `cloud.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from pathlib import Path

from busbar.cli.errors import CliError, Exit

KILL_SECONDS = 10.0


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
    return stop_all([pid_file], seconds)[0] is not Stopped.NOT_RUNNING


class Stopped(Enum):
    """How a process came to its end."""

    NOT_RUNNING = auto()
    ENDED = auto()
    KILLED = auto()


def stop_all(pid_files: Sequence[Path], seconds: float) -> list[Stopped]:
    """Stop several processes at once: SIGTERM to all, SIGKILL to those still there after a while.

    Bounded: a process that even survives SIGKILL (its machine's disk hangs) is an error.
    """
    pids = [running_pid(file) for file in pid_files]
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    late = _wait_gone(pid_files, seconds)
    for file in late:
        _signal(running_pid(file), signal.SIGKILL)
    stuck = _wait_gone(late, KILL_SECONDS)
    if stuck:
        raise CliError(
            f"process {running_pid(stuck[0])} does not end even when killed; it waits for the "
            "machine's disk or network, see `dmesg`",
            Exit.MACHINE,
        )
    for file in pid_files:
        file.unlink(missing_ok=True)
    return [
        Stopped.NOT_RUNNING if pid is None else Stopped.KILLED if file in late else Stopped.ENDED
        for pid, file in zip(pids, pid_files, strict=True)
    ]


def _wait_gone(pid_files: Sequence[Path], seconds: float) -> list[Path]:
    """Wait for processes to be gone; gives those that are not."""
    until = time.monotonic() + seconds
    while True:
        left = [file for file in pid_files if _is_there(file)]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


def _is_there(pid_file: Path) -> bool:
    pid = running_pid(pid_file)
    if pid is not None:
        _reap(pid)
    return running_pid(pid_file) is not None


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def only_one(lock_file: Path) -> Iterator[None]:
    """Let one process at a time into a block; others wait. The kernel frees it with its holder."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
