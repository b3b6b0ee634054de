"""Who is beside whom: those that an order's rules may be about, and the others of a gang.

Worked out when it is asked for, from the Pods and contracts that are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from busbar.controllers.parts.pods import contract_key, is_final, is_promised, phase_of
from busbar.controllers.remembered.contracts import Contracts
from busbar.controllers.remembered.names import Name
from busbar.controllers.remembered.pods import Pods
from busbar.market.company import EVERYWHERE, NO_RULES, Resident, Selector
from busbar.market.orders import Order
from busbar.model.gangs import Gang
from busbar.model.objects import Key, Object, labels_of, name_of, spec_of
from busbar.store.contract import Snapshot


class Company:
    """Asks Pods and contracts together, of one snapshot after the other."""

    def __init__(self, pods: Pods, contracts: Contracts) -> None:
        self._pods, self._contracts = pods, contracts
        self._seen: Snapshot | None = None

    def at(self, snapshot: Snapshot) -> None:
        """Say of which snapshot it is asked from now on: the one that Pods and contracts saw."""
        self._seen = snapshot

    def residents(self, orders: Iterable[Order]) -> Iterable[Resident]:
        """Give those with an open contract that the company of these orders may be about.

        They are all of the namespaces that the orders' rules name, and whoever keeps others away.
        """
        selectors: set[Selector] = set()
        for order in orders:
            selectors |= order.rules.selectors()
        named = {name for selector in selectors for name in selector.namespaces}
        homes = self._contracts.homes
        wanted = homes.keys() if EVERYWHERE in named else named & homes.keys()
        for namespace in sorted(wanted):
            for pod in homes[namespace]:
                yield from self._resident(namespace, pod)
        for namespace, pod in self._pods.keepers:
            if namespace not in wanted:
                yield from self._resident(namespace, pod)

    def started_together(self, contract: Object) -> list[Object]:
        """Give the other open contracts that the same clearing made for the same gang."""
        gang, clearing = spec_of(contract).get("gang"), spec_of(contract).get("clearing")
        if not gang:
            return []
        found = [self._contract(name) for name in sorted(self._pods.gangs.get(gang, ()))]
        return [
            other
            for other in (*found, *self._contracts.places(gang))
            if other is not None
            and name_of(other) != name_of(contract)
            and spec_of(other).get("clearing") == clearing
        ]

    def in_gangs(self, orders: Iterable[Order]) -> dict[str, Gang]:
        """Give, for gangs some of whose members have a place or are done, how many and where."""
        assert self._seen is not None
        found = {}
        for gang in {order.gang for order in orders if order.gang is not None}:
            names = self._pods.gangs.get(gang.name, ())
            pods = [self._seen.get(Key("", "pods", *name)) for name in names]
            done = sum(pod is not None and phase_of(pod) == "Succeeded" for pod in pods)
            zones = [spec_of(c)["zone"] for n in names if (c := self._contract(n)) is not None]
            if done or zones:
                there = gang._replace(there=done + len(zones), zones=tuple(sorted(set(zones))))
                found[gang.name] = there
        return found

    def _resident(self, namespace: str, name: str) -> Iterator[Resident]:
        assert self._seen is not None
        homes = self._contracts.homes.get(namespace, {}).get(name, ())
        pod = self._seen.get(Key("", "pods", namespace, name))
        if homes and pod is not None:
            rules = self._pods.keepers.get((namespace, name), NO_RULES)
            for node in sorted({node for _, node in homes}):
                yield Resident(node, namespace, labels_of(pod), rules)

    def _contract(self, pod: Name) -> Object | None:
        """Give the open contract of a Pod that has not ended."""
        assert self._seen is not None
        obj = self._seen.get(Key("", "pods", *pod))
        if obj is None or is_final(obj) or not is_promised(obj, self._seen):
            return None
        key = contract_key(obj)
        return self._seen.get(key) if key is not None else None
