"""A log in the background keeps its size; whose file it is not is left alone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busbar.logfile import KEPT, BoundedHandler

BYTES = 1000


class Log:
    """A handler over a file that is open under a descriptor, as standard error would be."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.handler = BoundedHandler(file, BYTES, self.descriptor)
        self.handler.setStream(self)  # type: ignore[arg-type]

    def write(self, text: str) -> int:
        """Write as sys.stderr does, to whatever the descriptor is by now."""
        return os.write(self.descriptor, text.encode())

    def flush(self) -> None:
        """Keep nothing back."""

    def say(self, text: str) -> None:
        self.handler.emit(logging.LogRecord("n", logging.INFO, "", 0, text, (), None))

    def pages(self) -> list[str]:
        return sorted(path.name for path in self.file.parent.iterdir())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "a.log")
    yield made
    os.close(made.descriptor)


def test_a_full_page_is_turned_and_nothing_lost(log: Log) -> None:
    for number in range(30):
        log.say(f"{number:03} {'x' * 90}")
    assert log.pages() == ["a.log", "a.log.1", "a.log.2"]
    text = "".join((log.file.parent / name).read_text() for name in reversed(log.pages()))
    assert [int(line[:3]) for line in text.splitlines()] == list(range(30))


def test_the_oldest_pages_go(log: Log) -> None:
    for _ in range(100):
        log.say("x" * 99)
    assert log.pages() == ["a.log", *(f"a.log.{n}" for n in range(1, KEPT + 1))]
    assert all(path.stat().st_size <= BYTES + 100 for path in log.file.parent.iterdir())


def test_a_file_of_somebody_else_is_left_alone(log: Log, tmp_path: Path) -> None:
    log.file.rename(tmp_path / "moved")
    (tmp_path / "a.log").write_text("another's")
    for _ in range(30):
        log.say("x" * 99)
    assert log.pages() == ["a.log", "moved"]
    assert (tmp_path / "a.log").read_text() == "another's"


def test_a_page_that_cannot_be_turned_is_written_on(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    for _ in range(30):
        log.say("x" * 99)
    assert log.pages() == ["a.log"]
    assert log.file.stat().st_size == 3000


def test_a_process_whose_error_is_the_file_turns_it_with_its_output(tmp_path: Path) -> None:
    file = tmp_path / "p.log"
    code = (
        "import logging, pathlib, sys; from busbar import logfile; "
        f"logfile.configure(pathlib.Path({str(file)!r}), 100); logging.info('y' * 100); "
        "print('printed', flush=True); print('error', file=sys.stderr)"
    )
    with file.open("ab") as output:
        subprocess.run([sys.executable, "-c", code], stdout=output, stderr=output, check=True)
    assert "y" * 100 in (tmp_path / "p.log.1").read_text()
    assert file.read_text() == "printed\nerror\n"
