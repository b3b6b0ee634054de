"""The speed rating is measured again once a day, and told where it is another."""

from __future__ import annotations

import asyncio
import signal

import pytest
from tests.unit.agent.conftest import Node

from busbar.agent.rerating import AGAIN_MS, Rerater, measure_here, rated
from busbar.model.time import format_instant

RATING, JOINED = "busbar.dev/speed-rating-micro", "busbar.dev/joined-rating-micro"
RATED_AT = "busbar.dev/speed-rated-at"


def rerater(node: Node, measured: int, **notes: str) -> Rerater:
    path = f"/api/v1/nodes/{node.api.settings.node}"
    known = {RATING: "1000000", JOINED: "1000000", RATED_AT: format_instant(node.clock.now())}
    node.api.objects[path] = {"metadata": {"annotations": known | notes}}

    async def measure() -> int:
        return measured

    return Rerater(node.api, node.clock, measure)


def told(node: Node) -> list[dict[str, str]]:
    return [body["metadata"]["annotations"] for verb, _, body in node.api.told if verb == "PATCH"]


async def test_a_day_after_it_was_rated_it_is_rated_again_and_then_not_for_a_day(node: Node):
    again = rerater(node, 800_000)
    assert not await again.look()
    node.clock.advance(AGAIN_MS / 1000 - 1)
    assert not await again.look()
    node.clock.advance(1)
    assert await again.look()
    assert told(node) == [{RATING: "800000", RATED_AT: format_instant(node.clock.now())}]
    assert not await again.look()
    node.clock.advance(AGAIN_MS / 1000)
    assert await again.look()


async def test_noise_changes_the_time_and_not_the_rating(node: Node):
    again = rerater(node, 960_000)
    node.clock.advance(AGAIN_MS / 1000)
    assert await again.look()
    assert told(node) == [{RATED_AT: format_instant(node.clock.now())}]


@pytest.mark.parametrize(
    ("known", "measured", "joined", "expected"),
    [
        ("1000000", 2_000_000, 1_000_000, "1000000"),
        ("700000", 2_000_000, 1_000_000, "1000000"),
        ("1000000", 949_000, 1_000_000, "949000"),
        ("1000000", 1, 1_000_000, "50000"),
        ("", 800_000, 1_000_000, "800000"),
    ],
)
def test_it_is_at_most_what_the_node_joined_with(known, measured, joined, expected):
    assert rated(known, measured, joined) == expected


async def test_a_node_whose_time_of_rating_nobody_knows_is_rated_at_once(node: Node):
    again = rerater(node, 500_000, **{RATED_AT: "long ago"})
    assert await again.look()
    assert told(node)[0][RATING] == "500000"


async def test_where_it_cannot_be_measured_it_is_tried_again_an_hour_later(node: Node):
    again = rerater(node, 0, **{RATED_AT: "long ago"})
    found = [OSError("no processes left"), 700_000]

    async def measure() -> int:
        result = found.pop(0)
        if isinstance(result, OSError):
            raise result
        return result

    again._measure = measure
    with pytest.raises(OSError, match="no processes"):
        await again.look()
    assert not await again.look()
    node.clock.advance(3600)
    assert await again.look()
    assert told(node)[0][RATING] == "700000"


async def test_a_process_of_its_own_measures_what_this_machine_is_worth():
    assert 10_000 < await measure_here() < 50_000_000


async def test_a_benchmark_that_does_not_end_is_ended_and_gives_no_rating(tmp_path, monkeypatch):
    program = tmp_path / "stuck.py"
    program.write_text("import signal\nsignal.pause()\n")
    started, start = [], asyncio.create_subprocess_exec

    async def noted(*command, **options):
        started.append(await start(*command, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    with pytest.raises(TimeoutError, match="did not end within 0 s"):
        await measure_here(program, within_seconds=0)
    assert [process.returncode for process in started] == [-signal.SIGKILL]
