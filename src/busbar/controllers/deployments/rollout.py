"""How many Pods each ReplicaSet of a Deployment may have next. Pure arithmetic.

Never more than `replicas + maxSurge` Pods in all, never fewer than `replicas - maxUnavailable`
available ones, unless they fall ill by themselves. While a rollout goes on, a changed `replicas`
is met by the newest set alone (chosen: Kubernetes spreads it over all sets in proportion, which
here would buy Pods of the old template for a few minutes).
Source: kubernetes.io, "Deployments", "Rolling Update Deployment". Next: `progress.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.objects import Object, spec_of
from busbar.model.shares import share


class Counts(NamedTuple):
    """A ReplicaSet: Pods wanted of it, and those of it that are available."""

    wanted: int
    available: int


class Limits(NamedTuple):
    """A Deployment's numbers."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Give how many Pods there may be in all."""
        return self.replicas + self.surge

    @property
    def least(self) -> int:
        """Give how many must stay available."""
        return max(0, self.replicas - self.unavailable)


def limits_of(deployment: Object, replicas: int) -> Limits:
    """Read the limits of a Deployment that wants so many replicas; with Recreate there is none."""
    strategy = spec_of(deployment).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Limits(replicas, 0, replicas)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), replicas, up=True)
    gone = share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if not surge and not gone:
        # Both may round to none; then nothing would ever move.
        gone = 1
    return Limits(replicas, surge, min(gone, replicas))


def next_new(limits: Limits, new: Counts, old: list[Counts]) -> int:
    """Give how many Pods the ReplicaSet of the present template shall have."""
    if new.wanted >= limits.replicas:
        return limits.replicas
    room = limits.most - new.wanted - sum(one.wanted for one in old)
    return min(limits.replicas, new.wanted + max(0, room))


def next_old(limits: Limits, new: Counts, old: list[Counts]) -> list[int]:
    """Give how many Pods each older ReplicaSet shall have, in the order given (oldest first).

    Those that are not available go first: they serve nobody. Then as many available ones as the
    new set's stand in for.
    """
    left = [one.wanted for one in old]
    everybody = new.wanted + sum(left)
    may_go = everybody - limits.least - (new.wanted - new.available)
    if may_go <= 0:
        return left
    for index, one in enumerate(old):
        ill = min(may_go, max(0, one.wanted - one.available))
        left[index] -= ill
        may_go -= ill
    healthy = new.available + sum(min(one.available, one.wanted) for one in old)
    spare = max(0, min(healthy - limits.least, may_go))
    for index in range(len(old)):
        fewer = min(spare, left[index])
        left[index] -= fewer
        spare -= fewer
    return left


def while_paused(limits: Limits, sets: list[Counts]) -> list[int]:
    """Give the counts while paused (oldest first): no rollout, but `replicas` still holds.

    More are made by the newest set that has any, fewer taken from the oldest.
    """
    left = [one.wanted for one in sets]
    more = limits.replicas - sum(left)
    alive = [index for index, wanted in enumerate(left) if wanted]
    if more > 0 and left:
        left[alive[-1] if alive else -1] += more
    for index in alive if len(alive) == 1 or sum(left) > limits.most else ():
        fewer = min(left[index], max(0, sum(left) - limits.replicas))
        left[index] -= fewer
    return left
