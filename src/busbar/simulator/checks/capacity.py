"""I4: what is committed on a node never exceeds what it has, now and in every slot sold forward.

Next: `owners.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.market.offers import capacity_of
from busbar.model.dtu import Resources
from busbar.model.kinds.contract import reserved_by
from busbar.model.objects import Key, Object, spec_of, status_of
from busbar.model.time import Instant
from busbar.simulator.checks.base import Step, insist


class CapacityCheck:
    """Adds up the open contracts of each node."""

    def __init__(self) -> None:
        self._open: dict[str, dict[Key, Object]] = defaultdict(dict)
        self._node_of: dict[Key, str] = {}

    def look(self, step: Step) -> None:
        """Check the nodes whose contracts changed in one commit."""
        changed = {self._remember(key, obj) for key, obj in step.put if key.resource == "contracts"}
        for key in step.deleted:
            self._open[self._node_of.pop(key, "")].pop(key, None)
        changed.update(key.name for key, _ in step.put if key.resource == "nodes")
        for name in changed:
            node = step.view.get(Key("", "nodes", "", name))
            if node is not None:
                self._check(name, capacity_of(node), step.now)

    def _remember(self, key: Key, obj: Object) -> str:
        node = str(spec_of(obj)["node"])
        self._node_of[key] = node
        if status_of(obj)["phase"] == "Closed":
            self._open[node].pop(key, None)
        else:
            self._open[node][key] = obj
        return node

    def _check(self, node: str, capacity: Resources, now: Instant) -> None:
        contracts = list(self._open[node].values())
        held = [c for c in contracts if spec_of(c).get("procurement")]
        drawn = [c for c in contracts if spec_of(c).get("pool") and c not in held]
        plain = [c for c in contracts if c not in held and c not in drawn]
        running = [c for c in plain if status_of(c)["phase"] != "Reserved"]
        begun = [c for c in held if status_of(c)["phase"] == "Held" and _is_in(c, now)]
        drawing = [c for c in drawn if status_of(c)["phase"] != "Reserved"]
        used = _sum(running).plus(_of_pools(begun, drawing))
        insist(used.fits_in(capacity), "I4", f"node {node} has {capacity}, {used} is committed")
        ahead = [c for c in drawn if c not in drawing]
        later = [c for c in plain if status_of(c)["phase"] == "Reserved"] + held + ahead
        for start in {_start(c) for c in later if _start(c) > now}:
            there = [c for c in later if c in plain and _is_in(c, start)]
            there += [c for c in running if start < _end(c)]
            still = [c for c in drawing if start < _end(c)]
            still += [c for c in ahead if _is_in(c, start)]
            used = _sum(there).plus(_of_pools([c for c in held if _is_in(c, start)], still))
            sentence = f"node {node} has {capacity}, {used} is committed from {start}"
            insist(used.fits_in(capacity), "I4", sentence)
        if drawn:
            _check_draws(node, held, drawn, now)


def _check_draws(node: str, held: list[Object], drawn: list[Object], now: Instant) -> None:
    """Nobody draws, without paying, on what is not held, and no room is drawn twice."""
    free = [(c, s) for c in drawn for s in spec_of(c)["slots"] if s.get("reserved")]
    for at in {max(now, s["startMs"]) for _, s in free if now < s["endMs"]}:
        for pool in {_pool(c) for c in drawn}:
            there = _sum([c for c in held if _pool(c) == pool and _is_in(c, at)])
            draws = _sum(
                [c for c, s in free if _pool(c) == pool and s["startMs"] <= at < s["endMs"]]
            )
            sentence = f"node {node}: {draws} of {pool} is drawn, {there} is held at {at}"
            insist(draws.fits_in(there), "I4", sentence)


def _of_pools(held: list[Object], drawn: list[Object]) -> Resources:
    """Give what pools take: held capacity and those who draw on it share one room."""
    used = Resources()
    for pool in {_pool(c) for c in (*held, *drawn)}:
        one = _sum([c for c in held if _pool(c) == pool])
        other = _sum([c for c in drawn if _pool(c) == pool])
        used = used.plus(Resources(*(max(pair) for pair in zip(one, other, strict=True))))
    return used


def _pool(contract: Object) -> str:
    return str(spec_of(contract)["pool"])


def _is_in(contract: Object, at: Instant) -> bool:
    return _start(contract) <= at < _end(contract)


def _sum(contracts: list[Object]) -> Resources:
    total = Resources()
    for contract in contracts:
        total = total.plus(reserved_by(spec_of(contract)))
    return total


def _start(contract: Object) -> Instant:
    return int(spec_of(contract)["slots"][0]["startMs"])


def _end(contract: Object) -> Instant:
    return int(spec_of(contract)["slots"][-1]["endMs"])
