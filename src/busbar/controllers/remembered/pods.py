"""The Pods that wait for a match, as the orders that they are; gangs, and who keeps others away.

An order is read when it is first asked for, and again once its Pod or namespace has changed.
Next: `company.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.parts.pods import is_promised, node_of, phase_of
from busbar.controllers.remembered.names import Name, first, full_name
from busbar.market.alike import Reader
from busbar.market.company import Rules
from busbar.market.orders import Order, OrderRefused
from busbar.market.podrules import rules_of
from busbar.model.errors import InvalidField
from busbar.model.gangs import gang_name
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
)
from busbar.model.wellknown import ANN_PIECE
from busbar.store.contract import Snapshot


class Waiting(NamedTuple):
    """A Pod that waits for a match, and the order that it is, or why it cannot be one."""

    pod: Object
    order: Order | OrderRefused


class Pods:
    """Follows the Pods, and the namespaces whose defaults they have."""

    def __init__(self) -> None:
        self._unbound: dict[Name, Object] = {}
        self._orders: dict[Name, Order | OrderRefused] = {}
        self._reader = Reader()
        self.gangs: dict[str, set[Name]] = {}
        """The Pods of each gang."""
        self.keepers: dict[Name, Rules] = {}
        """The Pods that will not have some others near, and their rules."""

    def at(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Take in what changed between two snapshots."""
        self._take_namespaces(snapshot, since)
        self._take_pods(snapshot, since)

    def waiting(self, snapshot: Snapshot) -> list[Waiting]:
        """Give the Pods that wait for a match, by namespace and name."""
        found = []
        for name, pod in sorted(self._unbound.items(), key=first):
            if not is_promised(pod, snapshot):
                order = self._orders.get(name)
                if order is None:
                    namespace = snapshot.get(Key("", "namespaces", "", namespace_of(pod)))
                    order = self._orders[name] = self._reader.read(pod, namespace)
                found.append(Waiting(pod, order))
        return found

    def _take_namespaces(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Forget the orders of a namespace whose defaults may have changed."""
        changes = snapshot.changes(since, "", "namespaces")
        changed = {name_of(obj) for pair in changes for obj in pair if obj is not None}
        for name in [name for name in self._orders if name[0] in changed]:
            del self._orders[name]

    def _take_pods(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        for before, after in snapshot.changes(since, "", "pods"):
            name = full_name(before or after or {})
            if before is not None:
                self._unbound.pop(name, None)
                self._orders.pop(name, None)
                self.keepers.pop(name, None)
                if (gang := gang_name(before)) is not None:
                    self.gangs[gang].discard(name)
            if after is None:
                continue
            if _is_unbound(after):
                self._unbound[name] = after
            if (gang := gang_name(after)) is not None:
                self.gangs.setdefault(gang, set()).add(name)
            if (rules := _keeps_away(after)) is not None:
                self.keepers[name] = rules


def _is_unbound(pod: Object) -> bool:
    return (
        not node_of(pod)
        and not is_deleting(pod)
        and phase_of(pod) == "Pending"
        and not spec_of(pod).get("schedulingGates")
        and ANN_PIECE not in annotations_of(pod)
    )


def _keeps_away(pod: Object) -> Rules | None:
    """Give the rules of a Pod that will not have others near; None for most."""
    if not (spec_of(pod).get("affinity") or {}).get("podAntiAffinity"):
        return None
    try:
        rules = rules_of(spec_of(pod), namespace_of(pod))
    except InvalidField:
        return None
    return rules if rules.apart else None
