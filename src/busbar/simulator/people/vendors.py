"""Vendors with moods: offers that change, go and come back, nodes that are taken off the market.

Next: `meddlers.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Key, annotate, name_of, spec_of, with_metadata
from busbar.model.time import MINUTE
from busbar.model.wellknown import (
    ANN_RECLAIM,
    GROUP,
    LABEL_REGION,
    LABEL_VENDOR,
    LABEL_ZONE,
    RECLAIM_AT_ONCE,
    RECLAIM_WITH_NOTICE,
)
from busbar.simulator.people.hands import EURO, REGIONS, Hands
from busbar.simulator.people.wants import Wants

SLY_EDITS: tuple[dict[str, Any], ...] = (
    {"pricePerDTU": "99", "calendar": None},
    {"pricePerDTU": "0.4", "calendar": None},
    {"calendar": {"timeZone": "UTC", "rules": [{"available": False}]}},
    {"refuses": {"longerThan": "1m"}},
    {"reclaimNotice": "0s", "pricePerDTU": "120", "calendar": None},
    {"nodeSelector": {"nobody": "has-this"}},
    {"attributes": {}, "paused": True},
)
"""How a vendor may try to be rid of its contracts without giving them their notice."""


class Vendors:
    """Everybody who sells."""

    def __init__(self, hands: Hands, wants: Wants) -> None:
        self.hands, self.wants, self.world, self.door = hands, wants, hands.world, hands.door
        self.profile = hands.profile

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine as joining does."""
        cores = self.world.chance.choice((2, 4, 8))
        labels, gpus = self.wants.gpus.of_node()
        return {
            "meta": {
                "labels": {
                    LABEL_VENDOR: f"v{number % self.profile.vendors}",
                    LABEL_REGION: REGIONS[number % 2],
                    **self.wants.tastes.labels(),
                    **labels,
                    LABEL_ZONE: f"zone-{number % 3}",
                },
                "annotations": {"busbar.dev/speed-rating-micro": str(self._rating())},
            },
            "spec": {},
            "status": {
                "allocatable": {
                    "cpu": str(cores),
                    "memory": f"{cores * 2}Gi",
                    "pods": "50",
                    **self.wants.disks.of_node(cores),
                    **gpus,
                },
                "images": self.wants.haulage.images(),
            },
        }

    def _rating(self) -> int:
        return self.world.chance.choice((500_000, 1_000_000, 1_300_000))

    def offer(self, vendor: int) -> None:
        self.hands.make(Key(GROUP, "offers", "", f"o{vendor}"), spec=self._offer_spec(vendor))

    def _offer_spec(self, vendor: int) -> dict[str, Any]:
        spec: dict[str, Any] = {"vendor": f"v{vendor}", "pricePerDTU": self._price()}
        if self.profile.patient:
            return {**spec, "calendar": {"timeZone": "UTC", "rules": self._hourly()}}
        spec["attributes"] = self.wants.tastes.attributes()
        spec["reclaimNotice"] = self.world.chance.choice(("0s", "0s", "10m", "3h"))
        spec |= self.wants.tastes.holds_back(self.profile.namespaces)
        spec |= self.wants.haulage.transfer()
        if self.world.often(0.5):
            rule = {"from": "08:00", "until": "18:30", "pricePerDTU": self._price()}
            closed = {"weekdays": ["Sun"], "available": False}
            rules = [rule, closed] if self.world.often(0.3) else [rule]
            spec["calendar"] = {"timeZone": "Europe/Stockholm", "rules": rules}
        return spec

    def _hourly(self) -> list[dict[str, str]]:
        """Give some hours of the day a price of their own."""
        return [
            {"from": f"{h:02}:00", "until": f"{h + 1:02}:00", "pricePerDTU": self._price()}
            for h in range(24)
            if self.world.often(0.4)
        ]

    def _price(self) -> str:
        return f"0.{self.world.between(10, 99):03d}"

    def put_down(self, vendor: str) -> None:
        """Put money into a vendor's bond: plenty, little, none."""
        amount = self.world.chance.choice((0, EURO // 1000, 50 * EURO))
        if amount:
            key = self.hands.next_name("bond")
            self.hands.paid_in[key] = amount
            self.door.deposit(vendor, amount, self.world.now, key)

    def reprice(self) -> None:
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        spec = self._offer_spec(number)
        spec["paused"] = self.world.often(0.1)
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def evade(self) -> None:
        """Edit an offer so that its contracts end without a notice, and mend it after a while."""
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        edit = self.world.chance.choice(SLY_EDITS)
        self.door.change(key, lambda obj: {**obj, "spec": {**spec_of(obj), **edit}})
        pause = self.world.between(10, 500) * MINUTE
        self.world.after(pause, lambda: self.mend(number))

    def mend(self, number: int) -> None:
        spec = self._offer_spec(number)
        key = Key(GROUP, "offers", "", f"o{number}")
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def withdraw(self) -> None:
        """Take an offer off the market, and put one there again after a while."""
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        if self.world.often(0.2):  # Gone at once: whoever has a notice is owed it.
            self.door.change(key, lambda obj: with_metadata(obj, finalizers=None))
        self.door.delete(key, self.world.now)
        self.world.after(self.world.between(1, 120) * MINUTE, lambda: self._offer_again(number))

    def _offer_again(self, number: int) -> None:
        if self.door.get(Key(GROUP, "offers", "", f"o{number}")) is None:
            self.offer(number)
        elif self.hands.is_active:
            self.world.after(30 * MINUTE, lambda: self._offer_again(number))

    def drain(self) -> None:
        """Take a node off the market for a while, mostly with notice."""
        node = self.hands.any_of("", "nodes")
        if node is None or self.world.often(0.3):
            return
        key = Key("", "nodes", "", name_of(node))
        asked = RECLAIM_AT_ONCE if self.world.often(0.3) else RECLAIM_WITH_NOTICE
        self.door.change(key, lambda obj: annotate(obj, {ANN_RECLAIM: asked}))
        pause = self.world.between(1, 300) * MINUTE
        self.world.after(pause, lambda: self.undrain(key))

    def undrain(self, key: Key) -> None:
        self.door.change(key, lambda obj: annotate(obj, {ANN_RECLAIM: None}))

    def cordon(self) -> None:
        node = self.hands.any_of("", "nodes")
        if node is not None:
            flag = not spec_of(node).get("unschedulable")
            key = Key("", "nodes", "", name_of(node))
            self.door.change(
                key, lambda obj: {**obj, "spec": {**spec_of(obj), "unschedulable": flag}}
            )
