"""What each key moves is told to the meter: bodies both ways, also of what is refused."""

from __future__ import annotations

import pytest
from tests.unit.apis.s3.conftest import KEY, POD, Loop


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.moved_by: list[tuple[str, int, int]] = []

    def moved(self, access_key_id: str, read: int, written: int) -> None:
        self.moved_by.append((access_key_id, read, written))


@pytest.fixture
def told(door: Loop, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    meter = Told()
    monkeypatch.setattr(door.app, "_meter", meter)
    return meter.moved_by


def test_what_is_put_is_written_and_what_is_got_is_read(door: Loop, told: list[object]) -> None:
    body = bytes(100_000)
    door.call("PUT", "/b/large", body, key=POD.id)
    assert door.call("GET", "/b/large", key=POD.id).body == body
    door.call("GET", "/b/large", headers={"range": "bytes=0-9"}, key=POD.id)
    assert told == [(POD.id, 0, 100_000), (POD.id, 100_000, 0), (POD.id, 10, 0)]


def test_small_objects_count_as_well(door: Loop, told: list[object]) -> None:
    door.call("PUT", "/b/small", b"abc")
    door.call("GET", "/b/small")
    assert told == [(KEY.id, 0, 3), (KEY.id, 3, 0)]


def test_a_head_reads_nothing(door: Loop, told: list[object]) -> None:
    door.call("PUT", "/b/small", b"abc")
    door.call("HEAD", "/b/small")
    assert told == [(KEY.id, 0, 3)]


def test_a_copy_inside_the_store_moves_nothing_but_its_answer(
    door: Loop, told: list[tuple[str, int, int]]
) -> None:
    door.call("PUT", "/b/small", bytes(5000))
    answer = door.call("PUT", "/b/copy", headers={"x-amz-copy-source": "/b/small"})
    assert told[1:] == [(KEY.id, len(answer.body), 0)]


def test_whoever_is_not_known_is_nobodys_traffic(door: Loop, told: list[object]) -> None:
    assert door.send("GET", "/b/small", {"host": "s3.test"}).status == 403
    assert told == []
