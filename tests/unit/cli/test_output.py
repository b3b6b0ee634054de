"""Tables stay tables whatever a foreign name holds; colours are for terminals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result

from busbar.cli.output import print_table

Busbar = Callable[..., Result]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x1b[31mb", "a�[31mb"),
        ("[bold]x[/bold] \\[red]", "[bold]x[/bold] \\[red]"),
        ("two\nlines\tand \r", "two�lines�and �"),
        ("back\u202ewards", "back�wards"),
        (None, "-"),
        ("", "-"),
        (0, "0"),
    ],
)
def test_a_cell_is_one_line_of_plain_text(
    capsys: pytest.CaptureFixture[str], value: object, shown: str
) -> None:
    print_table(("a", "b"), [(value, "end")])
    head, line = capsys.readouterr().out.splitlines()
    assert line == f"{shown}  end"
    assert head.split() == ["A", "B"]


def test_wide_characters_keep_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "x"), [("日本語", 1), ("abcdef", 2)])
    assert capsys.readouterr().out == "NAME    X\n日本語  1\nabcdef  2\n"


def test_an_error_carries_no_control_characters(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.refuse("GET", f"{BUSBAR}/books", 403, "no\x1b[2J\nbusbar: all is well")
    assert busbar("market").err == "busbar: no�[2J�busbar: all is well\n"


def test_a_jobs_words_carry_no_control_characters(busbar: Busbar, cloud: FakeCloud) -> None:
    status = {"phase": "Running", "message": "\x1b]0;title\x07", "funnel": ["\x1b[2J"]}
    cloud.add(f"{BUSBAR}/namespaces/xyz/jobs/j", status=status)
    assert "\x1b" not in busbar("status", "j").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_for_this_program(busbar: Busbar, shell: str) -> None:
    result = busbar("completion", shell)
    assert result.code == 0
    assert "_BUSBAR_COMPLETE" in result.out


def test_whoever_stops_reading_sees_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "busbar", "completion", "zsh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()
