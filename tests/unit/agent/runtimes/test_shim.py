"""When a container's first process is the program, and when it still is the OCI runtime's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from busbar.agent.runtimes.runc import shim


def program(folder: Path, tool: str) -> str:
    """Give a tool under the name of an OCI runtime, as which it shows in the list of processes."""
    path = folder / "crun"
    shutil.copy(shutil.which(tool) or f"/bin/{tool}", path)
    return str(path)


def test_a_runtime_that_ends_as_itself_executed_nothing(tmp_path: Path) -> None:
    runtime = program(tmp_path, "cat")
    process = subprocess.Popen([runtime], stdin=subprocess.PIPE)
    while Path(f"/proc/{process.pid}/comm").read_text() != "crun\n":
        pass  # It is still being executed itself.
    assert process.stdin is not None
    process.stdin.close()
    assert not shim.executed(process.pid, runtime)  # type: ignore[no-untyped-call]
    assert process.wait() == 0


def test_a_program_that_has_a_runtimes_name_is_a_program(tmp_path: Path) -> None:
    process = subprocess.Popen(["mine", "1000"], executable=program(tmp_path, "sleep"))
    try:
        assert shim.executed(process.pid, "/usr/bin/crun")  # type: ignore[no-untyped-call]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("code", [0, 3])
def test_a_program_that_has_ended_already_was_executed(code: int) -> None:
    process = subprocess.Popen(["sh", "-c", f"exit {code}"])
    assert shim.executed(process.pid, "/usr/bin/crun")  # type: ignore[no-untyped-call]
    assert process.wait() == code


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("exec /x: exec format error", "exec /x: exec format error"),
        ('{"msg":"exec `/x`: Exec format error","level":"error"}', "exec `/x`: Exec format error"),
        ('{"level":"error"}', '{"level":"error"}'),
        ("17", "17"),
        ("", ""),
    ],
)
def test_what_a_runtime_says_is_put_into_words(said: str, words: str) -> None:
    assert shim.in_words(said) == words  # type: ignore[no-untyped-call]
