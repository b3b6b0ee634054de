"""The server's audit, following clouds under faults: it finds nothing, and stops nobody's money."""

from __future__ import annotations

import pytest

from busbar.server.audit import Follower
from busbar.simulator.cloud import Cloud
from busbar.simulator.profile import profile_of

EVERY = (1, 7, 60)
"""Commits from look to look."""


@pytest.mark.parametrize("seed", [3, 205])
def test_the_audit_finds_nothing_wherever_it_looks(seed):
    cloud = Cloud(seed, profile_of(seed))
    followers = [Follower() for _ in EVERY]
    counted, found = [0], []

    def look(transaction, result):
        counted[0] += 1
        for every, follower in zip(EVERY, followers, strict=True):
            if counted[0] % every == 0:
                snapshot = cloud.store.snapshot_now()
                if follower.begin(snapshot):
                    found.extend(follower.feed(cloud.store.journal_now(follower.seq)))
                    found.extend(follower.end(snapshot))

    cloud.exchange.committed.append(look)
    cloud.live(12)
    assert found == []
    assert followers[0].seq >= 50
