"""Consumers who serve: Deployments that come, change and go. Next: `vendors.py`."""

from __future__ import annotations

import json
from typing import Any

from busbar.model.objects import Key, spec_of
from busbar.model.resources import key_of
from busbar.model.time import HOUR
from busbar.model.wellknown import ANN_HOURS, ANN_MAY_MOVE, ANN_MOVE_HOURS, ANN_TERM
from busbar.simulator.machine import ENV_RUNS_MS
from busbar.simulator.people.hands import Hands

SERVICES_MAX, SERVICES_MAX_SERVING = 2, 4
"""Deployments of a namespace at a time: they run until somebody ends them."""
MOVE_HOURS = {"timeZone": "Europe/Stockholm", "rules": [{"from": "00:00", "until": "06:00"}]}
"""When some of them may be moved to a cheaper place."""


class Services:
    """Deploys services, and changes them."""

    def __init__(self, hands: Hands) -> None:
        self.hands, self.world, self.door = hands, hands.world, hands.door
        self.profile = hands.profile

    def service(self) -> None:
        """Deploy a service that runs until somebody ends it; end one where there are enough."""
        home = self.hands.home()
        known = self.door.all_of("apps", "deployments", home)
        if len(known) >= (SERVICES_MAX_SERVING if self.profile.serving else SERVICES_MAX):
            self.door.delete(key_of(self.world.chance.choice(known)), self.world.now)
            return
        name = self.hands.next_name("service")
        labels = {"app": name}
        surge, gone = self.world.chance.choice(((1, 0), (0, 1), (2, 1)))
        rolling = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": gone}}
        spec = {
            "replicas": self.world.between(1, 3),
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"} if self.world.often(0.2) else rolling,
            "minReadySeconds": self.world.chance.choice((0, 0, 60)),
            "revisionHistoryLimit": self.world.between(0, 3),
            "progressDeadlineSeconds": 600,
            "template": {"metadata": {"labels": labels}, "spec": self._service_pod()},
        }
        notes = {ANN_HOURS: json.dumps(self._hours())} if self.world.often(0.25) else {}
        if name.endswith(("1", "4", "7")):
            notes[ANN_MOVE_HOURS] = json.dumps(MOVE_HOURS)
        meta = {"annotations": notes}
        self.hands.place(Key("apps", "deployments", home, name), meta=meta, spec=spec)
        if self.world.often(0.5):
            budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
            self.hands.make(Key("policy", "poddisruptionbudgets", home, name), spec=budget)

    def _hours(self) -> dict[str, Any]:
        """Give hours in which a service runs: some of each day, where clocks are changed."""
        start = self.world.between(0, 23)
        until = (start + self.world.between(1, 12)) % 24
        rule = {"from": f"{start:02d}:00", "until": f"{until:02d}:30"}
        return {"timeZone": "Europe/Stockholm", "rules": [rule]}

    def _service_pod(self) -> dict[str, Any]:
        milli = self.world.chance.choice((250, 500, 1000))
        container = {
            "name": "main",
            "image": f"service:{self.world.now}",
            "env": [{"name": ENV_RUNS_MS, "value": str(1000 * HOUR)}],
            "resources": {"requests": {"cpu": f"{milli}m", "memory": f"{milli}Mi"}},
        }
        return {"containers": [container], "restartPolicy": "Always"}

    def roll(self) -> None:
        """Change a service: its template, its size, or whether it is paused."""
        service = self.hands.any_of("apps", "deployments")
        if service is None:
            return
        spec = spec_of(service)
        notes = {ANN_MAY_MOVE: "false"} if self.world.often(0.2) else {}
        if self.world.often(0.2):
            notes[ANN_TERM] = f"{self.world.between(1, 12)}h"
        meta = {**spec["template"]["metadata"], "annotations": notes}
        template = {"metadata": meta, "spec": self._service_pod()}
        change: dict[str, Any] = self.world.chance.choice(
            ({"template": template}, {"replicas": self.world.between(0, 4)}, {"paused": True})
        )
        paused = False if spec.get("paused") else change.get("paused", False)
        self.door.change(
            key_of(service), lambda obj: {**obj, "spec": {**spec, **change, "paused": paused}}
        )
