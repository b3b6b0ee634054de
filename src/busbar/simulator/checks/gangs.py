"""I13: a gang gets its places whole, in one zone, and starts at one time, or it waits.

Next: `drivers.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.controllers.parts.pods import contract_key, is_final, phase_of
from busbar.model.errors import InvalidField
from busbar.model.gangs import gang_name, gang_of
from busbar.model.objects import Object, spec_of, status_of, uid_of
from busbar.simulator.checks.base import Step, insist


class GangCheck:
    """Looks at every commit that gives members of gangs a place, or lets them start."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}

    def look(self, step: Step) -> None:
        """Check the gangs of one commit."""
        made: dict[tuple[str, str], list[Object]] = defaultdict(list)
        begun: dict[tuple[str, str], list[Object]] = defaultdict(list)
        for key, obj in step.put:
            gang = spec_of(obj).get("gang") if key.resource == "contracts" else None
            if not gang:
                continue
            before = self._phases.get(uid_of(obj))
            phase = self._phases[uid_of(obj)] = str(status_of(obj)["phase"])
            if before is None:
                made[key.namespace, gang].append(obj)
            elif before == "Reserved" and phase in ("Bound", "Held"):
                begun[key.namespace, gang].append(obj)
        for (namespace, gang), contracts in made.items():
            self._whole(step, namespace, gang, contracts)
        for contracts in begun.values():
            needed = spec_of(contracts[0])["gangMembers"]
            said = f"{len(contracts)} of {needed} members of a gang start"
            insist(len(contracts) == needed, "I13", said)

    def _whole(self, step: Step, namespace: str, gang: str, made: list[Object]) -> None:
        pods = [p for p in step.view.list("", "pods", namespace) if gang_name(p) == gang]
        sizes, zones, there = [0], set[str](), 0
        for pod in pods:
            key = contract_key(pod)
            contract = step.view.get(key) if key is not None else None
            is_open = contract is not None and status_of(contract)["phase"] != "Closed"
            is_open = is_open and not is_final(pod)  # One that has ended keeps nobody near it.
            there += is_open or phase_of(pod) == "Succeeded"
            if is_open and contract is not None:
                zones.add(spec_of(contract)["zone"])
            try:
                sizes.append(found.size if (found := gang_of(pod)) is not None else 0)
            except InvalidField:
                continue
        zones |= {spec_of(contract)["zone"] for contract in made}
        starts = {spec_of(contract)["slots"][0]["startMs"] for contract in made}
        members = {spec_of(contract)["gangMembers"] for contract in made}
        insist(there >= max(sizes), "I13", f"{there} of {max(sizes)} members have a place")
        insist(members == {len(made)}, "I13", f"{len(made)} were matched of {members}")
        insist(len(zones) == 1, "I13", f"a gang has places in {sorted(zones)}")
        insist(len(starts) == 1, "I13", f"members of a gang start at {sorted(starts)}")
