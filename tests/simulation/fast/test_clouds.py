"""Whole clouds under faults, each for a day: every invariant after every commit, then rest."""

from __future__ import annotations

import pytest

from busbar.replay.funnel import clear_again
from busbar.simulator.__main__ import main
from busbar.simulator.cloud import Cloud
from busbar.simulator.profile import QUIET, profile_of


@pytest.mark.parametrize("seed", range(100, 104))
def test_every_invariant_holds_under_faults_and_the_cloud_comes_to_rest(seed):
    told = Cloud(seed, reference=clear_again).live(6)
    assert told.commits > 0


@pytest.mark.parametrize("seed", range(217, 219))
def test_standing_orders_hold_under_faults_as_well(seed):
    profile = profile_of(seed)._replace(procures=True)
    told = Cloud(seed, profile, reference=clear_again).live(6)
    assert told.contracts > 0


def test_a_quiet_cloud_bills_what_ran():
    told = Cloud(3, QUIET).live(5)
    assert told.contracts > 10
    assert told.billed_nano > 0


def test_one_seed_is_one_life():
    assert Cloud(104).live(3) == Cloud(104).live(3)


def test_a_production_timed_cloud_holds_as_well():
    assert Cloud(15).live(12).hours == 1


def test_the_command_line_says_what_was_lived_through(capsys):
    assert main(["--seed", "100", "--hours", "2"]) == 0
    assert "all held" in capsys.readouterr().out
