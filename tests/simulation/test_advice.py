"""Advice in simulated lives: given, acted on by who opted in, taken back, and breaking nothing."""

from __future__ import annotations

import pytest
from tests.simulation.planted.test_planted_bugs import BUSY, broken_by

from busbar.controllers.advice import acting, controller, publishing
from busbar.model.wellknown import GROUP
from busbar.simulator.cloud import Cloud
from busbar.simulator.profile import QUIET, SETTINGS

ALL = {"RightSize", "profiles", "deeds", "undone"}
HABITUAL = BUSY._replace(namespaces=3, settings=SETTINGS)


def lived(seed: int, hours: int, profile: object = QUIET) -> Cloud:
    cloud = Cloud(seed, profile)  # type: ignore[arg-type]
    cloud.live(hours)
    return cloud


def test_lives_have_advice_deeds_and_deeds_undone():
    """What a life has differs with its seed: some few of them have all of it."""
    seen = set()
    for seed in range(1, 13):
        cloud = lived(seed, 8)
        view = cloud.store.snapshot_now()
        seen |= {str(advice["status"]["type"]) for advice in view.list(GROUP, "advices")}
        seen |= {"profiles"} if list(view.list(GROUP, "useprofiles")) else set()
        seen |= {"deeds"} if cloud.advice.acted else set()
        seen |= {"undone"} if cloud.advice.undone else set()
        if seen >= ALL:
            break
    assert seen >= ALL


@pytest.mark.parametrize("seed", [200, 201])
def test_under_faults_every_invariant_holds_with_advice(seed):
    assert broken_by(seed, HABITUAL, 8) == ""


def caught(hours: int = 10) -> str:
    found = (broken_by(seed, QUIET, hours) for seed in range(1, 9))
    return next(filter(None, found), "")


def test_a1_a_deed_for_who_did_not_opt_in(monkeypatch):
    monkeypatch.setattr(acting, "opted_in", lambda snapshot, obj: frozenset(acting.ACTING))
    assert caught() == "A1"


def test_a1_a_deed_that_goes_further_than_half(monkeypatch):
    monkeypatch.setattr(acting, "_half", lambda before, after: after)
    assert caught() == "A1"


def test_a1_a_deed_that_forgets_what_was_before(monkeypatch):
    monkeypatch.setattr(acting, "_inverse", lambda obj, patch: patch)
    assert caught() == "A1"


def test_a2_advice_that_outlives_its_time(monkeypatch):
    publish = publishing.publish

    def keeping(snapshot, found, keep_ms, now):
        for transaction in publish(snapshot, found, keep_ms, now):
            if any(hasattr(op, "obj") for op in transaction.ops):
                yield transaction

    monkeypatch.setattr(controller, "publish", keeping)
    assert caught(4) == "A2"
