"""Everybody outside the machines: who there is, and when each does something. Next: `hands.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busbar.model.objects import Key, name_of, namespace_of, spec_of
from busbar.model.time import HOUR, SECOND, format_instant
from busbar.model.wellknown import GROUP
from busbar.simulator.auditors import Auditors
from busbar.simulator.door import Door
from busbar.simulator.people.drivers import Drivers
from busbar.simulator.people.hands import EURO, Hands
from busbar.simulator.people.keepers import Keepers
from busbar.simulator.people.meddlers import Meddlers
from busbar.simulator.people.orders import Orders
from busbar.simulator.people.services import Services
from busbar.simulator.people.vendors import Vendors
from busbar.simulator.people.wants import Wants
from busbar.simulator.profile import Profile
from busbar.simulator.regulars import Regulars
from busbar.simulator.world import World


class People:
    """Everybody outside the machines."""

    def __init__(self, world: World, door: Door, profile: Profile) -> None:
        self.world, self.door, self.profile = world, door, profile
        self.hands = hands = Hands(world, door, profile)
        self.paid_in = hands.paid_in
        self.regulars = Regulars(world, door, profile.namespaces, lambda: hands.is_active)
        self.wants = wants = Wants(hands)
        self.auditors = Auditors(world, door, profile.audit_every_ms)
        self.orders, self.services = Orders(hands, wants), Services(hands)
        self.keepers, self.drivers = Keepers(hands, wants), Drivers(hands, wants)
        self.vendors, self.meddlers = Vendors(hands, wants), Meddlers(hands, wants)

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine as joining does."""
        return self.vendors.node_object(number)

    def found(self) -> None:
        """Make namespaces, vendors and offers."""
        self.world.after(1, self.regulars.begin)
        for number in range(self.profile.namespaces):
            name = f"ns{number}"
            self.hands.make(Key("", "namespaces", "", name))
            self.meddlers.bucket(name)
            most = 4 if self.profile.poor else 400
            self.hands.pay(name, self.world.between(1, most) * EURO // 4)
        for number in range(self.profile.vendors):
            self.hands.make(Key(GROUP, "vendors", "", f"v{number}"), spec={})
            self.vendors.offer(number)
            self.vendors.put_down(f"v{number}")
        self.auditors.found()
        if self.world.often(0.5):
            self._set_fees()
        self.world.after(SECOND, self._order)
        self.world.after(self.profile.meddle_every_ms, self._meddle)
        if self.profile.drives:
            self.drivers.begin()

    def _set_fees(self) -> None:
        """Let the exchange change what it takes, in the middle of its life."""
        later = self.world.now + self.world.between(1, 9) * HOUR
        for name, start in (("first", self.world.now), ("later", later)):
            tiers = [{"above": "0.05", "percent": self.world.chance.choice(("0.5", "1"))}]
            spec = {"from": format_instant(start), "percent": "1.5", "tiers": tiers}
            if name == "later" and self.world.often(0.5):
                spec["vendors"] = ["v0"]
            self.hands.make(Key(GROUP, "feeschedules", "", name), spec=spec)

    def _order(self) -> None:
        if not self.hands.is_active:
            return
        if self.door.is_open:
            self.world.chance.choice(self._wishes())()
        spread = self.profile.order_every_ms
        self.world.after(self.world.between(1, 2 * spread), self._order)

    def _wishes(self) -> list[Callable[[], None]]:
        """Give what people may order here; what stands twice is ordered twice as often."""
        orders = self.orders
        found = [orders.job, orders.job, orders.pod, orders.batch_job]
        found += [self.services.service, orders.gang]
        if self.profile.patient:
            found += [orders.patient_job] * 3
        if self.profile.procures:
            found.append(self.keepers.procure)
        if self.profile.drives:
            found += [self.drivers.driver] * 3
        return found

    def _meddle(self) -> None:
        if not self.hands.is_active:
            return
        if self.door.is_open:
            vendors, meddlers, roll = self.vendors, self.meddlers, self.services.roll
            choices: tuple[Callable[[], None], ...] = (
                meddlers.delete_something,
                meddlers.delete_something,
                vendors.reprice,
                vendors.withdraw,
                meddlers.pay_more,
                meddlers.budget,
                meddlers.label_pod,
                roll,
                vendors.cordon,
                vendors.drain,
                meddlers.end_namespace,
            )
            if self.profile.sly:
                choices = (*choices, vendors.evade, vendors.evade, vendors.evade)
            if self.profile.serving:
                choices = (*choices, vendors.reprice, vendors.reprice, roll)
            self.world.chance.choice(choices)()
        spread = self.profile.meddle_every_ms
        self.world.after(self.world.between(1, 2 * spread), self._meddle)

    def rest(self) -> None:
        """Stop ordering and meddling; leave everything open for business."""
        self.hands.is_active = self.auditors.is_active = False
        for number in range(self.profile.vendors if self.profile.sly else 0):
            self.vendors.mend(number)
        for held in self.door.all_of(GROUP, "procurements"):
            key = Key(GROUP, "procurements", namespace_of(held), name_of(held))
            self.door.delete(key, self.world.now)
        for node in self.door.all_of("", "nodes"):
            self.vendors.undrain(Key("", "nodes", "", name_of(node)))
        for node in self.door.all_of("", "nodes"):
            key = Key("", "nodes", "", name_of(node))
            self.door.change(
                key, lambda obj: {**obj, "spec": {**spec_of(obj), "unschedulable": False}}
            )
