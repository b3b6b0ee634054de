"""Disk that is sold twice, planted here, must be caught, and as what it is."""

from __future__ import annotations

from tests.simulation.planted.test_planted_bugs import BUSY, caught_as

from busbar.market.occupancy import Occupancy
from busbar.model.time import MINUTE


def test_i4_disk_sold_twice(monkeypatch):
    put = Occupancy.put

    def forgetful(self, key, commitment):
        room = commitment.resources._replace(ephemeral_bytes=0)
        put(self, key, commitment._replace(resources=room))

    monkeypatch.setattr(Occupancy, "put", forgetful)
    assert caught_as("I4", BUSY._replace(order_every_ms=2 * MINUTE), first=7)
