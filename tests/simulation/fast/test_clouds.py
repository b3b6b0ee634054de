"""Whole clouds under faults, each for a day: every invariant after every commit, then rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

from busbar.model.objects import spec_of
from busbar.model.wellknown import GROUP
from busbar.replay.funnel import clear_again
from busbar.simulator.__main__ import main, tell
from busbar.simulator.checks.base import Broken
from busbar.simulator.cloud import Cloud, Failed
from busbar.simulator.lives import Life
from busbar.simulator.machine import Timing
from busbar.simulator.profile import QUIET, profile_of
from busbar.store.contract import Put


@pytest.mark.parametrize("seed", range(100, 103))
def test_every_invariant_holds_under_faults_and_the_cloud_comes_to_rest(seed):
    told = Cloud(seed, reference=clear_again).live(6)
    assert told.commits > 0


@pytest.mark.parametrize("seed", range(217, 219))
def test_standing_orders_hold_under_faults_as_well(seed):
    profile = profile_of(seed)._replace(procures=True)
    told = Cloud(seed, profile, reference=clear_again).live(6)
    assert told.contracts > 0


@pytest.mark.parametrize("seed", [408])
def test_later_hours_are_sold_again_under_faults_as_well(seed):
    profile = profile_of(seed)._replace(resells=True, namespaces=3)
    cloud = Cloud(seed, profile, reference=clear_again)
    cloud.live(6)
    assert any(map(_is_sold_ahead, cloud.store.snapshot_now().list(GROUP, "contracts")))


def _is_sold_ahead(contract):
    spec = spec_of(contract)
    return bool(spec.get("seller")) and spec.get("reservedAtMs") is not None


def test_drivers_and_their_places_hold_under_faults_as_well():
    drivers = drawn = 0
    for seed in range(412, 424):
        cloud = Cloud(seed, profile_of(seed)._replace(drives=True), reference=clear_again)
        cloud.live(6)
        drivers, drawn = drivers + cloud.drivers.drivers, drawn + cloud.drivers.drawn
        if drivers > 1 and drawn > 1:
            return
    raise AssertionError(f"in twelve lives {drivers} drivers got places, {drawn} Pods drew on them")


@pytest.mark.parametrize("seed", [307])
def test_gpus_are_sold_by_their_class_under_faults_as_well(seed):
    cloud = Cloud(seed, profile_of(seed)._replace(gpus=True), reference=clear_again)
    draws = set[int]()

    def look(transaction, _) -> None:
        for op in transaction.ops:
            sold = spec_of(op.obj) if isinstance(op, Put) and "contracts" in op.key else {}
            if sold.get("gpus"):
                draws.add(sold["drawMicro"] // sold["gpus"])

    cloud.exchange.committed.append(look)
    cloud.live(6)
    assert len(draws) > 1, "of several classes, or on machines of several speeds"
    assert min(draws) >= 4_000_000, "half of the lightest class, on the slowest machine"


def test_a_quiet_cloud_bills_what_ran():
    told = Cloud(3, QUIET).live(5)
    assert told.contracts > 10
    assert told.billed_nano > 0


def test_one_seed_is_one_life():
    assert Cloud(104).live(3) == Cloud(104).live(3)


def test_a_production_timed_cloud_holds_as_well():
    assert Cloud(15).live(12).hours == 1


def test_after_the_last_fault_leases_are_heard_of_before_they_end():
    late = QUIET.weather._replace(late_ms=20_000)
    for timing in (Timing(), Timing(2_000, 10_000, 2_000)):
        cloud = Cloud(1, QUIET._replace(weather=late, timing=timing))
        cloud.begin()
        cloud.faults.stop()
        assert cloud.network.weather.late_ms == min(20_000, timing.lease_ms // 2)


def test_what_broke_says_how_to_see_it_again_as_it_was_asked(monkeypatch):
    """A cloud that keeps time as in production lives for fewer hours than were asked for."""

    def breaks(_: Cloud, ms: int) -> None:
        raise Broken("I4", f"broken after {ms} ms")

    monkeypatch.setattr(Cloud, "run", breaks)
    with pytest.raises(Failed, match=r"(?s)after 3600000 ms.*--seed 15 --hours 12\n"):
        Cloud(15).live(12)


def test_the_command_line_says_what_was_lived_through(capsys):
    assert main(["--seed", "100", "--hours", "2"]) == 0
    assert "all held" in capsys.readouterr().out


def test_many_seeds_at_a_time_have_a_line_each_and_one_together():
    program = [sys.executable, "-m", "busbar.simulator", "--seed", "100", "--seeds", "2"]
    # As it is typed: what the main module of a program holds, its helpers cannot import.
    ran = subprocess.run(
        [*program, "--hours", "1", "--jobs", "2"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert sorted(line.split(":")[0] for line in lines[:2]) == ["seed 100", "seed 101"]
    assert lines[2] == "2 seeds, 2 simulated hours: all held"


def test_it_goes_on_from_seed_to_seed_until_there_are_enough_hours(capsys):
    assert main(["--seed", "100", "--hours", "1", "--total", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 seeds, 3 simulated hours: all held"


def test_the_last_line_names_the_seeds_that_broke_and_the_others_are_lived_through(
    capsys,
):
    lives = [
        Life(7, None, "I4: node n1 has …"),
        Life(8, Cloud(100).live(1)),
        Life(9, None, "I1: …"),
    ]
    assert tell(iter(lives), None) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "3 seeds, 1 simulated hours: broken in seed 7, 9"
    assert printed.err.splitlines() == ["I4: node n1 has …", "I1: …"]


@pytest.mark.parametrize("option", ["--seeds", "--hours", "--total", "--jobs"])
def test_nothing_to_live_through_is_refused_with_the_options_name(option, capsys):
    with pytest.raises(SystemExit):
        main([option, "0"])
    assert f"{option} must be at least 1, got 0" in capsys.readouterr().err
