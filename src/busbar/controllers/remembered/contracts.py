"""The open contracts: by node, offer, plan and tenant, and what namespaces were billed this month.

What an ordinary contract takes of its node is counted here; what those of a pool take together,
`pools.py` says, which comes next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from busbar.controllers.parts.funds import billed_by_month
from busbar.controllers.pools import Share, pool_of
from busbar.controllers.remembered.names import Name, first, full_name
from busbar.controllers.remembered.pools import Pools
from busbar.ledger.periods import month_of
from busbar.market.commitments import Commitment, commitment_of
from busbar.market.occupancy import Occupancy
from busbar.model.objects import Object, name_of, namespace_of, spec_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot


class Contracts:
    """Follows the contracts."""

    def __init__(self, occupancy: Occupancy, pools: Pools) -> None:
        self._occupancy, self._pools = occupancy, pools
        self._open: dict[str, dict[Name, Object]] = {}
        self._under: dict[str, dict[Name, Commitment]] = {}
        self._plans: dict[str, dict[Name, Object]] = {}
        self._places: dict[str, dict[Name, Object]] = {}
        self._spent: Counter[tuple[str, str]] = Counter()
        self.homes: dict[str, dict[str, tuple[Name, ...]]] = {}
        """Per namespace and Pod, the contracts that are for it, by name, and their nodes."""

    def at(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Take in what changed between two snapshots, and count anew the pools that it is of."""
        touched: set[str] = set()
        for before, after in snapshot.changes(since, GROUP, "contracts"):
            if before is not None:
                touched.add(self._forget(before))
            if after is not None:
                touched.add(self._take(after))
        touched.discard("")
        for pool in touched:
            self._pools.fill(pool)

    def on(self, node: str) -> Iterable[Object]:
        """Give the open contracts of a node."""
        return self._open.get(node, {}).values()

    def under(self, offer: str) -> list[Object]:
        """Give the open contracts under an offer, by namespace and name."""
        there = (pair for node in self._open.values() for pair in node.items())
        found = [
            (name, contract) for name, contract in there if spec_of(contract)["offer"] == offer
        ]
        return [contract for _, contract in sorted(found, key=first)]

    def shares(self, offer: str) -> Iterable[Share]:
        """Give what namespaces have of an offer by contracts that are in no pool."""
        for (namespace, _), taken in self._under.get(offer, {}).items():
            yield Share(offer, namespace, taken.resources, taken.start, taken.end)

    def pieces_before(self, contract: Object) -> list[Object]:
        """Give the open contracts of earlier pieces of the same work."""
        spec = spec_of(contract)
        plan = self._plans.get(spec.get("plan") or "", {})
        return [other for other in plan.values() if spec_of(other)["piece"] < spec["piece"]]

    def places(self, gang: str) -> list[Object]:
        """Give the open contracts that hold a place of a gang, by namespace and name."""
        return [place for _, place in sorted(self._places.get(gang, {}).items(), key=first)]

    def spent(self, namespace: str, now: Instant) -> int:
        """Give what a namespace was billed in the month of an instant, by its contracts."""
        return self._spent[namespace, month_of(now)]

    def _forget(self, contract: Object) -> str:
        """Forget a contract, and give the pool that it was in, "" for none."""
        name, spec, pool = full_name(contract), spec_of(contract), pool_of(contract)
        self._open.get(spec["node"], {}).pop(name, None)
        if plan := spec.get("plan"):
            self._forget_piece(plan, name)
        if spec.get("procurement") and spec.get("gang"):
            self._places.get(spec["gang"], {}).pop(name, None)
        self._under.get(spec["offer"], {}).pop(name, None)
        if pool:
            self._pools.forget(pool, name, contract)
        else:
            self._occupancy.drop(name)
        self._bill(contract, -1)
        if not spec.get("procurement"):
            self._move_out(contract)
        return pool

    def _take(self, contract: Object) -> str:
        """Count a contract in, and give the pool that it is in, "" for none and for closed ones."""
        self._bill(contract, 1)
        taken = commitment_of(contract)
        if taken is None:
            return ""
        name, spec, pool = full_name(contract), spec_of(contract), pool_of(contract)
        self._open.setdefault(taken.node, {})[name] = contract
        if plan := spec.get("plan"):
            self._plans.setdefault(plan, {})[name] = contract
        if spec.get("procurement") and spec.get("gang"):
            self._places.setdefault(spec["gang"], {})[name] = contract
        if pool:
            self._pools.take(pool, name, contract)
        else:
            self._under.setdefault(spec["offer"], {})[name] = taken
            self._occupancy.put(name, taken)
        if not spec.get("procurement"):
            self._move_in(contract, taken.node)
        return pool

    def _forget_piece(self, plan: str, name: Name) -> None:
        pieces = self._plans.get(plan, {})
        pieces.pop(name, None)
        if not pieces:
            self._plans.pop(plan, None)

    def _move_in(self, contract: Object, node: str) -> None:
        homes = self.homes.setdefault(namespace_of(contract), {})
        tenant = _tenant(contract)
        homes[tenant] = (*homes.get(tenant, ()), (name_of(contract), node))

    def _move_out(self, contract: Object) -> None:
        homes = self.homes.get(namespace_of(contract), {})
        tenant = _tenant(contract)
        left = tuple(home for home in homes.get(tenant, ()) if home[0] != name_of(contract))
        if left:
            homes[tenant] = left
        else:
            homes.pop(tenant, None)

    def _bill(self, contract: Object, sign: int) -> None:
        for month, billed in billed_by_month(contract).items():
            self._spent[namespace_of(contract), month] += sign * billed


def _tenant(contract: Object) -> str:
    """Give the name of the Pod that a contract is for."""
    return str((spec_of(contract).get("order") or {}).get("name", ""))
