"""I13 of drivers: all their places with them, in one commit, and kept as long as they run.

Next: `pieces.py`.
"""

from __future__ import annotations

from collections import Counter

from busbar.controllers.parts.pods import is_final
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, is_deleting, name_of, spec_of, status_of, uid_of
from busbar.model.places import places_of
from busbar.model.wellknown import GROUP
from busbar.simulator.checks.base import Step, insist


class DriverCheck:
    """Looks at every contract of a driver, or of a place, that is made or closes."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}
        self.drivers = 0
        """Drivers that got a place, and Pods that draw on places: for who asks if any did."""
        self.drawn = 0

    def look(self, step: Step) -> None:
        """Check one commit."""
        made, places = list[Object](), Counter[str]()
        for key, contract in step.put:
            if key.resource != "contracts":
                continue
            before = self._phases.get(uid_of(contract))
            phase = self._phases[uid_of(contract)] = str(status_of(contract)["phase"])
            driver = spec_of(contract)["order"].get("driverUid")
            if before is None:
                places[driver or ""] += 1
                made.append(contract)
            elif driver and phase == "Closed" and before != "Closed":
                self._closed(step, contract)
        for contract in made:
            self._whole(step, contract, places)

    def _whole(self, step: Step, contract: Object, places: Counter[str]) -> None:
        spec, namespace = spec_of(contract), contract["metadata"]["namespace"]
        pod = step.view.get(Key("", "pods", namespace, spec["order"]["name"]))
        self.drawn += bool(spec.get("reservation")) and _is_made_by_a_pod(pod)
        try:
            needed = places_of(pod) if pod is not None and not spec.get("procurement") else None
        except InvalidField:
            return
        if pod is not None and needed is not None:
            self.drivers += 1
            have, name = places[uid_of(pod)], name_of(pod)
            insist(have == needed.number, "I13", f"{name} has {have} of {needed.number} places")

    def _closed(self, step: Step, contract: Object) -> None:
        """A place ends with its driver, or where something kept it from going on."""
        order, namespace = spec_of(contract)["order"], contract["metadata"]["namespace"]
        driver = step.view.get(Key("", "pods", namespace, order["driver"]))
        runs = driver is not None and uid_of(driver) == order["driverUid"] and not is_final(driver)
        keeper = step.view.get(Key(GROUP, "procurements", namespace, order["name"]))
        kept = keeper is not None and not is_deleting(keeper)
        reason, name = status_of(contract)["reason"], name_of(contract)
        insist(reason != "DriverEnded" or not runs, "I13", f"{name}: its driver has not ended")
        is_early = reason == "TermEnded" and runs and kept
        insist(not is_early, "I13", f"{name} ended with its hours, and its driver runs on")


def _is_made_by_a_pod(pod: Object | None) -> bool:
    owners = (pod or {}).get("metadata", {}).get("ownerReferences") or ()
    return any(one.get("kind") == "Pod" for one in owners)
