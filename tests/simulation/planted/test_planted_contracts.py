"""Planted bugs in what becomes of contracts: bonds, notices, fees, alerts. Each must be caught."""

from __future__ import annotations

from tests.simulation.planted.test_planted_bugs import BUSY, RESELLING, caught_as

from busbar.controllers import accounts, attestations, reclaims
from busbar.controllers.close import CloseReason
from busbar.controllers.contracts import closing, compensation, money, rolling, running, withdrawal
from busbar.controllers.contracts.fault import Evidence
from busbar.model.time import MINUTE

WITHDRAWING = BUSY._replace(patient=True, meddle_every_ms=6 * MINUTE, order_every_ms=8 * MINUTE)
"""Many wait for later hours, and many are deleted."""


def test_i17_a_failed_delivery_charged_beyond_the_rule(monkeypatch):
    owed_for = compensation.owed_for
    monkeypatch.setattr(compensation, "owed_for", lambda *args: 3 * owed_for(*args))
    assert caught_as("I17", first=6)


def test_i17_a_workloads_own_failure_charged_to_its_vendor(monkeypatch):
    own = frozenset({*compensation.VENDORS_DOING, "Failed", "Deleted"})
    monkeypatch.setattr(compensation, "VENDORS_DOING", own)
    assert caught_as("I17")


def test_i17_vendors_charged_for_a_cut_at_the_exchange(monkeypatch):
    monkeypatch.setattr(Evidence, "of_loss", lambda *_: CloseReason.NODE_LOST)
    often = BUSY._replace(machines=4, fault_every_ms=15 * MINUTE)
    assert caught_as("I17", often)


def test_i11_a_bond_that_is_taken_at_its_word(monkeypatch):
    monkeypatch.setattr(attestations, "format_euro", lambda nano: "1000")
    assert caught_as("I11", BUSY._replace(careful=0.5), hours=3)


def test_i14_capacity_taken_back_before_the_notice_is_over(monkeypatch):
    terms = reclaims._terms
    monkeypatch.setattr(
        reclaims,
        "_terms",
        lambda *args: {**terms(*args), "reclaimAtMs": args[2], "noticeUntilMs": args[2]},
    )
    assert caught_as("I14")


def test_i14_an_edit_of_an_offer_that_counts_before_the_notice_is_over(monkeypatch):
    monkeypatch.setattr(rolling, "binding", lambda *_: None)
    sly = BUSY._replace(sly=True, meddle_every_ms=10 * MINUTE)
    assert caught_as("I14", sly, hours=8)


def test_i19_a_fee_that_changes_under_a_contract(monkeypatch):
    settle = money.settle

    def dearer(*args):
        return settle(*args[:9], args[9] + 1, *args[10:])

    monkeypatch.setattr(money, "settle", dearer)
    assert caught_as("I19", hours=2)


def test_i19_a_draw_that_changes_with_the_next_slot(monkeypatch):
    with_slots = running.with_slots

    def heavier(contract, more):
        fresh = with_slots(contract, more)
        drawn = fresh["spec"]["drawMicro"] + (1 if more else 0)
        return {**fresh, "spec": {**fresh["spec"], "drawMicro": drawn}}

    monkeypatch.setattr(running, "with_slots", heavier)
    assert caught_as("I19", hours=3)


def test_i19_a_budget_that_is_told_again_and_again(monkeypatch):
    tell = accounts.alerts

    def forgetful(snapshot, account, used, now):
        status = {
            k: v for k, v in (account.get("status") or {}).items() if not k.startswith("alerted")
        }
        return tell(snapshot, {**account, "status": status}, used, now)

    monkeypatch.setattr(accounts, "alerts", forgetful)
    assert caught_as("I19")


def test_i20_a_late_withdrawal_that_costs_nothing(monkeypatch):
    monkeypatch.setattr(closing, "owed_for_withdrawal", lambda *_: 0)
    assert caught_as("I20", WITHDRAWING, hours=12)


def test_i20_a_consumer_who_pays_for_what_its_vendor_let_go(monkeypatch):
    monkeypatch.setattr(withdrawal, "_stood_ready", lambda *_: True)
    assert caught_as("I20", WITHDRAWING, hours=12)


def test_i20_a_late_withdrawal_of_what_was_sold_again_that_the_vendor_gets(monkeypatch):
    monkeypatch.setattr(money, "payee", lambda view, slot: view.spec.vendor)
    assert caught_as("I20", RESELLING._replace(fault_every_ms=180 * MINUTE), hours=8)
