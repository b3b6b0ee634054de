"""A container's log as `kubectl logs` shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from busbar.agent.logs import Follower, LogRequest, stream

DAY = "2026-11-22T10:00:"


def line(second: int, text: str, kind: str = "F", stream_name: str = "stdout") -> str:
    return f"{DAY}{second:02d}.000000001Z {stream_name} {kind} {text}\n"


def write(path: Path, *lines: str) -> Path:
    with path.open("a") as file:
        file.write("".join(lines))
    return path


async def shown(files: list[Path], **options: Any) -> str:
    """What a request without end gets."""
    request = LogRequest("1", **options)
    parts = [part async for part in stream(lambda: files, request, lambda: False)]
    return b"".join(parts).decode()


async def test_both_streams_are_shown_in_order(tmp_path: Path) -> None:
    file = write(tmp_path / "l", line(1, "a"), line(2, "b", stream_name="stderr"), line(3, ""))
    assert await shown([file]) == "a\nb\n\n"


async def test_parts_of_a_line_become_one(tmp_path: Path) -> None:
    file = write(tmp_path / "l", line(1, "abc", "P"), line(1, "def"), line(2, "end", "P"))
    assert await shown([file]) == "abcdef\nend"


async def test_times_are_shown_where_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "l", line(1, "a b"))
    assert await shown([file], timestamps=True) == f"{DAY}01.000000001Z a b\n"


async def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "l", *(line(i, str(i)) for i in range(5)))
    assert await shown([file], tail_lines=2) == "3\n4\n"
    assert await shown([file], tail_lines=0) == ""
    assert await shown([file], tail_lines=99) == "0\n1\n2\n3\n4\n"


async def test_the_tail_reaches_back_over_a_rotation(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "l.1", line(1, "a"), line(2, "b")),
        write(tmp_path / "l", line(3, "c")),
    ]
    assert await shown(files, tail_lines=2) == "b\nc\n"


async def test_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    file = write(tmp_path / "l", *(line(i, str(i)) for i in range(5)))
    assert await shown([file], since_time=f"{DAY}03Z") == "3\n4\n"


async def test_the_limit_cuts_at_the_byte(tmp_path: Path) -> None:
    file = write(tmp_path / "l", line(1, "abc"), line(2, "def"))
    assert await shown([file], limit_bytes=5) == "abc\nd"
    assert await shown([file], limit_bytes=0) == ""


async def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert await shown([tmp_path / "nosuch"]) == ""


async def test_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    half = line(2, "second")
    file = write(tmp_path / "l", line(1, "first"), half[:40])
    follower = Follower(lambda: [file])
    assert [text.split(b" ", 3)[3] for text in follower.read()] == [b"first"]
    write(file, half[40:])
    assert [text.split(b" ", 3)[3] for text in follower.read()] == [b"second"]
    assert list(follower.read()) == []


async def test_following_goes_on_over_rotations(tmp_path: Path) -> None:
    """Also where the new file gets the number (inode) of the one before the last."""
    old, new = tmp_path / "l.1", tmp_path / "l"
    follower = Follower(lambda: [old, new])
    seen: list[str] = []
    for turn in range(6):
        write(new, *(line(turn, f"{turn}.{i}" + "x" * (6 - turn)) for i in range(20 - turn)))
        seen += [text.decode().split(" ", 3)[3].rstrip("x") for text in follower.read()]
        new.rename(old)
    assert seen == [f"{turn}.{i}" for turn in range(6) for i in range(20 - turn)]


async def follow(files: list[Path], is_running: Callable[[], bool]) -> list[bytes]:
    request = LogRequest("1", follow=True)
    return [part async for part in stream(lambda: files, request, is_running)]


async def test_following_ends_with_the_container_and_misses_nothing(tmp_path: Path) -> None:
    """What is written between the question and the end is still shown."""
    file = write(tmp_path / "l", line(1, "a"))
    answers = iter([True, False, False])

    def is_running() -> bool:
        answer = next(answers)
        if answer:
            write(file, line(2, "b"))
        return answer

    parts = await asyncio.wait_for(follow([file], is_running), 10)
    assert b"".join(parts) == b"a\nb\n"
