"""What `bench/run` finds and prints."""

from __future__ import annotations

import json

import pytest
from bench import main, options, report


def test_every_benchmark_of_the_specification_is_found_by_its_name() -> None:
    said = "clearing kubernetes_door ledger memory orders quickstart simulator spark start store"
    wanted = set(said.split())
    assert wanted <= set(main.names())


def test_what_only_helps_is_no_benchmark() -> None:
    helpers = "main report options cloud docker runc optimum journals lives"
    assert not set(helpers.split()) & set(main.names())


def test_a_row_is_met_at_its_goal_and_not_beyond() -> None:
    assert report.at_most("a", 50.0, "ms", 50).met is True
    assert report.at_most("a", 50.1, "ms", 50).met is False
    assert report.at_least("a", 100.0, "1/s", 100).met is True
    assert report.at_least("a", 99.0, "1/s", 100).met is False


def test_a_row_without_a_goal_is_neither_met_nor_missed() -> None:
    row = report.shown("a", 1.0, "s")
    assert (row.goal, row.met) == (None, None)


def test_what_could_not_be_measured_is_a_miss_with_its_reason() -> None:
    row = report.missing("a", "s", 30, "no runc here")
    assert (row.value, row.met, row.note) == (None, False, "no runc here")
    assert "MISSED" in report.as_table([row])
    assert "no runc here" in report.as_table([row])


def test_json_rows_have_the_agreed_keys() -> None:
    (row,) = json.loads(report.as_json([report.at_most("a", 1.5, "s", 2, "peer", 1.25)]))
    assert row == {
        "name": "a", "value": 1.5, "unit": "s", "goal": 2, "met": True,
        "peer": "peer", "peer_value": 1.25,
    }  # fmt: skip


def test_a_benchmark_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot() -> list[report.Row]:
        raise options.Unavailable("needs root")

    monkeypatch.setattr("bench.memory.rows", cannot)
    (row,) = main.run("memory")
    assert row.note == "not measured: needs root"


def test_an_unknown_name_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main.main(["stat"])
    said = capsys.readouterr().err
    assert "unknown: stat" in said
    assert "start" in said


def test_percentiles_lie_between_their_neighbours() -> None:
    values = [float(n) for n in range(1, 101)]
    assert report.percentile(values, 50) == 50.5
    assert 99 <= report.percentile(values, 99) <= 100
