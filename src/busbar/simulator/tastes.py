"""What vendors state and consumers are particular about: attributes, expressions, node affinity.

It draws from a chance of its own, so that the rest of a life goes on as it would without it.
Next: `auditors.py`.
"""

from __future__ import annotations

import json
import random
from typing import Any

from busbar.model.time import MINUTE, Instant, format_instant
from busbar.model.wellknown import ANN_NOT_BEFORE, ANN_RESTRICTIONS

Json = dict[str, Any]

_CERTIFICATES = ("", "ISO27001", "SOC2", "ISO27001, SOC2")
_ISOLATION = ("container", "sandbox", "microvm")


class Tastes:
    """Makes attributes and wishes."""

    def __init__(self, seed: int, wary: float, careful: float) -> None:
        self._chance = random.Random(f"tastes {seed}")
        self._care = random.Random(f"care {seed}")
        self._times = random.Random(f"times {seed}")
        self._wary, self._careful = wary, careful

    def labels(self) -> dict[str, str]:
        """Give a machine's labels beside those that joining writes."""
        found = {"disk": self._chance.choice(("ssd", "hdd"))}
        return {**found, "gen": str(self._chance.randint(1, 5))}

    def attributes(self) -> dict[str, str]:
        """Give what an offer states."""
        found = {
            "certification": self._chance.choice(_CERTIFICATES),
            "isolation": self._chance.choice(_ISOLATION),
        }
        return {name: value for name, value in found.items() if value}

    def holds_back(self, namespaces: int) -> Json:
        """Give what an offer limits and refuses: mostly nothing."""
        found: Json = {}
        if self._chance.random() < 0.25:
            share = self._chance.choice(({"share": "50%"}, {"cpu": 2}, {"share": "75%", "cpu": 4}))
            found["limits"] = {"perNamespace": share}
        if self._chance.random() < 0.15:
            name = f"ns{self._chance.randrange(namespaces)}"
            minds = ({"namespaces": [name]}, {"longerThan": "2h"}, {"images": ["nothing/*"]})
            found["refuses"] = self._chance.choice(minds)
        return found

    def restrictions(self) -> Json:
        """Give what a Job asks for beside region and vendor: mostly nothing."""
        if self._care.random() < self._careful:
            amount = self._care.choice(("0.0005", "1", "49.9", "51"))
            return {"allOf": [{"attribute": "bond", "atLeast": amount}]}
        if self._chance.random() < self._wary:
            return {"allOf": [{"certification": "ISO27001", "signedBy": ["a0", "a1"]}]}
        if self._chance.random() > 0.15:
            return {}
        wish = self._wish()
        return self._chance.choice(({"allOf": [wish]}, {"not": wish}, {"anyOf": [wish, _ANY_SSD]}))

    def start(self, now: Instant) -> dict[str, str]:
        """Give before when a Pod must not start, as an annotation: mostly nothing."""
        if self._times.random() > 0.1:
            return {}
        return {ANN_NOT_BEFORE: format_instant(now + self._times.randint(-60, 600) * MINUTE)}

    def notes(self) -> dict[str, str]:
        """Give the same as an annotation of a Pod."""
        wanted = self.restrictions()
        return {ANN_RESTRICTIONS: json.dumps(wanted)} if wanted else {}

    def affinity(self) -> Json:
        """Give the required node affinity of a Pod's spec: mostly none."""
        if self._chance.random() > 0.1:
            return {}
        rules: list[Json] = [
            {"key": "disk", "operator": "In", "values": ["ssd"]},
            {"key": "gen", "operator": "Gt", "values": [str(self._chance.randint(0, 4))]},
            {"key": "certification", "operator": "Exists"},
        ]
        terms = [{"matchExpressions": [rule]} for rule in self._chance.sample(rules, 2)]
        required = {"nodeSelectorTerms": terms}
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        return {"affinity": {"nodeAffinity": {key: required}}}

    def _wish(self) -> Json:
        return self._chance.choice(
            (
                {"certification": "ISO27001"},
                {"attribute": "isolation", "atLeast": self._chance.choice(_ISOLATION)},
                {"attribute": "gen", "above": self._chance.randint(0, 4)},
                {"attribute": "disk", "notIn": ["hdd"], "region": "Sweden"},
            )
        )


_ANY_SSD = {"disk": "ssd"}
