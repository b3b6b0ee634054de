"""Consumers' work that ends: Pods, gangs, Jobs of both kinds, Jobs in pieces.

Next: `drivers.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Key
from busbar.model.time import MINUTE, format_instant
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_REGION,
    ANN_RESERVATION,
    ANN_VENDOR,
    GROUP,
)
from busbar.simulator.people.hands import Hands
from busbar.simulator.people.wants import Wants


class Orders:
    """Places orders for work."""

    def __init__(self, hands: Hands, wants: Wants) -> None:
        self.hands, self.wants, self.world = hands, wants, hands.world

    def pod(self) -> None:
        key = Key("", "pods", self.hands.home(), self.hands.next_name("pod"))
        meta = {"annotations": self.wants.notes()}
        self.hands.place(key, meta=meta, spec=self.wants.pod_spec(), status={"phase": "Pending"})

    def gang(self) -> None:
        """Place Pods that start together; now and then one of them too few."""
        home, gang = self.hands.home(), self.hands.next_name("gang")
        size = self.world.between(2, 3)
        terms = {**self.wants.terms(), ANN_GANG: gang, ANN_GANG_SIZE: str(size)}
        for number in range(size - self.world.often(0.1)):
            key = Key("", "pods", home, f"{gang}-{number}")
            meta = {"annotations": dict(terms)}
            self.hands.place(
                key, meta=meta, spec=self.wants.pod_spec(), status={"phase": "Pending"}
            )

    def job(self) -> None:
        terms = self.wants.terms()
        spec: dict[str, Any] = {
            "image": "work",
            "env": self.wants.behaviour(),
            "resources": self.wants.unit(),
            "backoffLimit": self.world.between(0, 2),
            "restrictions": self.wants.tastes.restrictions(),
            **self.wants.haulage.job_fields(),
        }
        names = {
            ANN_CAP: "maxEuroPerDTU",
            ANN_NOT_BEFORE: "notBefore",
            ANN_NOT_AFTER: "notAfter",
            ANN_DURATION: "expectedDuration",
            ANN_RESERVATION: "reservation",
        }
        spec |= {field: terms[note] for note, field in names.items() if note in terms}
        if ANN_MAY_WAIT in terms:
            spec["mayWait"] = True
        for note, field in ((ANN_REGION, "region"), (ANN_VENDOR, "vendor")):
            if note in terms:
                spec["restrictions"][field] = terms[note]
        if self.world.often(0.3):
            spec["ttlSecondsAfterFinished"] = self.world.between(0, 3600)
        key = Key(GROUP, "jobs", self.hands.home(), self.hands.next_name("job"))
        self.hands.place(key, spec=spec)

    def patient_job(self) -> None:
        """Place work that may be interrupted, where some hours are cheaper than others."""
        world = self.world
        spec: dict[str, Any] = {
            "image": "work",
            "env": self.wants.behaviour(),
            "resources": self.wants.unit(),
            "backoffLimit": world.between(0, 2),
            "notAfter": format_instant(world.now + world.between(240, 1200) * MINUTE),
            "expectedDuration": f"{world.between(40, 200)}m",
            "mayWait": True,
            "mayBeInterrupted": True,
            "minimumPiece": "20m",
            "maxPieces": world.between(2, 4),
        }
        self.hands.place(
            Key(GROUP, "jobs", self.hands.home(), self.hands.next_name("job")), spec=spec
        )

    def batch_job(self) -> None:
        world = self.world
        wide = world.between(1, 3)
        terms = self.wants.notes()
        if world.often(0.3):
            terms[ANN_GANG_SIZE] = str(wide)
        template = {"metadata": {"annotations": terms}, "spec": self.wants.pod_spec()}
        spec: dict[str, Any] = {
            "template": template,
            "parallelism": wide,
            "completions": world.between(1, 4),
            "backoffLimit": world.between(0, 3),
        }
        if world.often(0.4):
            spec["completionMode"] = "Indexed"
        if world.often(0.2):
            spec["activeDeadlineSeconds"] = world.between(60, 20_000)
        if world.often(0.3):
            spec["ttlSecondsAfterFinished"] = world.between(0, 3600)
        key = Key("batch", "jobs", self.hands.home(), self.hands.next_name("batch"))
        self.hands.place(key, spec=spec)
