"""I4: what is committed on a node never exceeds what it has, now and in every slot sold forward.

Next: `owners.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.market.offers import capacity_of
from busbar.model.dtu import Resources
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
        held = [c for c in contracts if status_of(c)["phase"] == "Held"]
        contracts = [c for c in contracts if status_of(c)["phase"] != "Held"]
        running = [c for c in contracts if status_of(c)["phase"] != "Reserved"]
        used = _sum([*running, *(c for c in held if _start(c) <= now < _end(c))])
        insist(used.fits_in(capacity), "I4", f"node {node} has {capacity}, {used} is committed")
        later = [c for c in contracts if status_of(c)["phase"] == "Reserved"] + held
        for start in {_start(c) for c in later if _start(c) > now}:
            there = [c for c in later if _start(c) <= start < _end(c)]
            there += [c for c in running if start < _end(c)]
            used = _sum(there)
            sentence = f"node {node} has {capacity}, {used} is committed from {start}"
            insist(used.fits_in(capacity), "I4", sentence)


def _sum(contracts: list[Object]) -> Resources:
    total = Resources()
    for contract in contracts:
        spec = spec_of(contract)
        total = total.plus(Resources(spec["cpuMilli"], spec["memoryBytes"], spec.get("gpus", 0)))
    return total


def _start(contract: Object) -> Instant:
    return int(spec_of(contract)["slots"][0]["startMs"])


def _end(contract: Object) -> Instant:
    return int(spec_of(contract)["slots"][-1]["endMs"])
