"""Consumers whose work makes work: drivers that need places, and the Pods they make once they run.

Next: `keepers.py`.
"""

from __future__ import annotations

import json
from typing import Any

from busbar.controllers.parts.pods import is_final, node_of
from busbar.model.objects import Key, Object, is_deleting, metadata, name_of, namespace_of, uid_of
from busbar.model.places import places_of
from busbar.model.time import MINUTE
from busbar.model.wellknown import ANN_GANG, ANN_GANG_PLACES, ANN_GANG_SIZE, ANN_RESERVATION, GROUP
from busbar.simulator.people.hands import Hands
from busbar.simulator.people.wants import Wants

EVERY_MS = 9 * MINUTE
"""How often drivers make a Pod, about."""


class Drivers:
    """Places drivers, and does what they do once they run."""

    def __init__(self, hands: Hands, wants: Wants) -> None:
        self.hands, self.wants, self.world, self.door = hands, wants, hands.world, hands.door

    def begin(self) -> None:
        """Let drivers work, from now on and for as long as people do."""
        self.world.after(EVERY_MS, self._work)

    def driver(self) -> None:
        """Place a driver: a Pod, seldom with a second one as a gang, or a Job."""
        if self.world.often(0.4):
            self._as_job()
            return
        home, stem = self.hands.home(), self.hands.next_name("driver")
        places = json.dumps(self._places())
        pair = {ANN_GANG: stem, ANN_GANG_SIZE: "2"} if self.world.often(0.2) else {}
        notes = {**self.wants.notes(), **pair, ANN_GANG_PLACES: places}
        notes.pop(ANN_RESERVATION, None)
        for number in range(2 if pair else 1):
            said = {k: v for k, v in notes.items() if k != ANN_GANG_PLACES or not number}
            key, meta = Key("", "pods", home, f"{stem}-{number}"), {"annotations": said}
            spec = self.wants.pod_spec()
            self.hands.place(key, meta=meta, spec=spec, status={"phase": "Pending"})

    def _as_job(self) -> None:
        spec: dict[str, Any] = {
            "image": "work",
            "env": self.wants.behaviour(),
            "resources": self.wants.unit(),
            "backoffLimit": self.world.between(0, 2),
            "gang": {"places": self._places()},
        }
        key = Key(GROUP, "jobs", self.hands.home(), self.hands.next_name("driver"))
        self.hands.place(key, spec=spec)

    def _places(self) -> dict[str, Any]:
        milli = self.world.chance.choice((250, 500, 1000))
        return {"count": self.world.between(1, 3), "cpu": f"{milli}m", "memory": f"{milli}Mi"}

    def _work(self) -> None:
        """Let each driver that runs make a Pod now and then: one that fits, or a larger one."""
        if not self.hands.is_active:
            return
        for pod in self.door.all_of("", "pods") if self.door.is_open else ():
            if places_of(pod) is not None and _runs(pod) and self.world.often(0.6):
                self._make_one(pod)
        self.world.after(self.world.between(1, 2 * EVERY_MS), self._work)

    def _make_one(self, driver: Object) -> None:
        places = places_of(driver)
        assert places is not None
        if sum(_is_made_by(pod, driver) for pod in self._pods(driver)) > places.number:
            return
        milli = places.unit.cpu_milli * (2 if self.world.often(0.1) else 1)
        asked = {"cpu": f"{milli}m", "memory": f"{milli}Mi"}
        env = [{"name": name, "value": value} for name, value in self.wants.behaviour().items()]
        container = {"name": "main", "image": "work", "env": env}
        spec = {
            "containers": [{**container, "resources": {"requests": asked}}],
            "restartPolicy": "Never",
        }
        named = {"apiVersion": "v1", "kind": "Pod", "name": name_of(driver), "uid": uid_of(driver)}
        meta = {"ownerReferences": [{**named, "controller": True}]}
        key = Key("", "pods", namespace_of(driver), self.hands.next_name("executor"))
        self.hands.place(key, meta=meta, spec=spec, status={"phase": "Pending"})

    def _pods(self, driver: Object) -> list[Object]:
        return self.door.all_of("", "pods", namespace_of(driver))


def _runs(pod: Object) -> bool:
    return bool(node_of(pod)) and not is_final(pod) and not is_deleting(pod)


def _is_made_by(pod: Object, driver: Object) -> bool:
    owners = metadata(pod).get("ownerReferences") or ()
    return not is_final(pod) and any(one.get("uid") == uid_of(driver) for one in owners)
