"""Planted bugs in drivers and their places. Each must be caught."""

from __future__ import annotations

from tests.simulation.planted.test_planted_bugs import BUSY, caught_as

from busbar.controllers.contracts import held
from busbar.controllers.contracts.places import Rolled
from busbar.controllers.market import matches
from busbar.model.time import MINUTE

DRIVING = BUSY._replace(drives=True, order_every_ms=8 * MINUTE, fault_every_ms=90 * MINUTE)


def test_i13_places_in_transactions_of_their_own(monkeypatch):
    def of_orders(inputs, match):
        ordered = inputs.orders.get(match.order)
        return None if ordered is None else ordered.order.gang

    monkeypatch.setattr(matches, "gang_of_match", of_orders)
    assert caught_as("I13", DRIVING)


def test_i13_places_that_end_while_their_driver_runs(monkeypatch):
    monkeypatch.setattr(held, "rolled", lambda *args: Rolled(args[3].obj))
    monkeypatch.setattr(held.HeldCase, "_may_go_on", lambda _: False)
    assert caught_as("I13", DRIVING)


def test_i13_places_given_back_though_their_driver_runs(monkeypatch):
    monkeypatch.setattr(held.HeldCase, "_has_lost_its_driver", lambda _: True)
    assert caught_as("I13", DRIVING)
