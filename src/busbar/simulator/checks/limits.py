"""I15: no consumer gets more of an offer than its vendor sells to one, nor what it will not run.

Looked at when a contract is made: what the consumer's open contracts under the offer take in any
slot of the new one, against the limit as it stands. A limit that is lowered later takes nothing
away. Next: `liveness.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from busbar.model.objects import (
    Object,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.quantities import milli
from busbar.model.time import HOUR
from busbar.model.wellknown import GROUP, LABEL_VENDOR
from busbar.simulator.checks.base import Step, insist


class LimitCheck:
    """Looks at every contract that is made."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def look(self, step: Step) -> None:
        """Check the new contracts of one commit."""
        for key, contract in step.put:
            if key.resource == "contracts" and uid_of(contract) not in self._seen:
                self._seen.add(uid_of(contract))
                self._check(step, contract)

    def _check(self, step: Step, contract: Object) -> None:
        name, namespace = spec_of(contract)["offer"], namespace_of(contract)
        offer = next((o for o in step.view.list(GROUP, "offers") if _name(o) == name), None)
        said = spec_of(offer) if offer is not None else {}
        minded = (said.get("refuses") or {}).get("namespaces") or []
        insist(namespace not in minded, "I15", f"{name} does not serve {namespace}")
        limit = (said.get("limits") or {}).get("perNamespace")
        if limit and spec_of(contract).get("seller"):
            insist(False, "I15", f"{name_of(contract)} was sold again, though {name} is limited")
        if limit and not _is_in_held_room(contract):
            most = _most(step, said, limit)
            slots = spec_of(contract)["slots"]
            for hour in range(slots[0]["startMs"] // HOUR, -(-slots[-1]["endMs"] // HOUR)):
                used = _used(step, name, namespace, hour * HOUR)
                sentence = f"{namespace} has {used}m of {most}m cpu of {name} at {hour * HOUR}"
                insist(used <= most, "I15", sentence)


def _most(step: Step, said: dict[str, Any], limit: dict[str, Any]) -> int:
    """Give the most cpu: the simulator's offers sell all nodes of their vendor."""
    nodes = (n for n in step.view.list("", "nodes") if labels_of(n)[LABEL_VENDOR] == said["vendor"])
    have = sum(milli(status_of(node)["allocatable"]["cpu"], "") for node in nodes)
    percent = int(str(limit.get("share", "100%")).removesuffix("%"))
    return min(have * percent // 100, int(limit.get("cpu", 10**6)) * 1000)


def _used(step: Step, offer: str, namespace: str, start: int) -> int:
    """Give the cpu that a consumer's open contracts under an offer take in an hour.

    What draws on held room has that room already, but for what goes beyond what is held.
    """
    total, held, drawn, below = 0, Counter[str](), Counter[str](), Counter[str]()
    for contract in step.view.list(GROUP, "contracts", namespace):
        spec, phase = spec_of(contract), status_of(contract).get("phase")
        slots, cpu, is_here = spec["slots"], int(spec["cpuMilli"]), spec["offer"] == offer
        is_in = slots[0]["startMs"] < start + HOUR and slots[-1]["endMs"] > start
        if phase == "Closed" or not is_in:
            continue
        if spec.get("reservation"):
            drawn[spec["pool"]] += cpu
            below[spec["pool"]] += cpu if is_here else 0
            continue
        if spec.get("procurement"):
            held[spec["pool"]] += cpu
        total += cpu if is_here else 0
    return total + sum(min(below[p], max(0, drawn[p] - held[p])) for p in drawn)


def _is_in_held_room(contract: Object) -> bool:
    """Say whether its room was counted when it was bought to be held."""
    return bool(spec_of(contract).get("reservation"))


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
