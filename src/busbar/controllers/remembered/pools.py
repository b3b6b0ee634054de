"""The pools: their open contracts, and what each takes of its node; read once, until they change.

Next: `company.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from busbar.controllers.left import Left, left_of
from busbar.controllers.pools import Pool, PoolKey, Share, key_of_pool
from busbar.controllers.remembered.names import Name, first
from busbar.market.occupancy import Occupancy
from busbar.model.objects import Object, name_of, spec_of
from busbar.model.time import Instant, slot_of


class Pools:
    """Follows the pools, by their opaque names."""

    def __init__(self, occupancy: Occupancy) -> None:
        self._occupancy = occupancy
        self._contracts: dict[str, dict[Name, Object]] = {}
        self._of: dict[str, dict[PoolKey, int]] = {}
        self._drawn: set[str] = set()
        self._read: dict[str, Pool] = {}
        self._left: dict[str, Left] = {}
        self._rows: dict[str, int] = {}
        self._shares: dict[str, tuple[Share, ...]] = {}

    @property
    def are_there(self) -> bool:
        """Say whether any capacity is held, or drawn on."""
        return bool(self._rows)

    def of(self, namespace: str) -> list[PoolKey]:
        """Give the pools of a namespace, in an order of their own."""
        return sorted(self._of.get(namespace, ()))

    def drawn(self) -> list[str]:
        """Give the opaque names of the pools that Pods draw on, in an order of their own."""
        return sorted(self._drawn)

    def pool(self, pool_id: str) -> Pool:
        """Give the open contracts of a pool, by its opaque name; read once, until they change."""
        if pool_id not in self._read:
            self._read[pool_id] = self._read_pool(pool_id)
        return self._read[pool_id]

    def left_of(self, pool_id: str, now: Instant) -> Left:
        """Give what is left of a pool, hour by hour; worked out once an hour, until it changes."""
        known = self._left.get(pool_id)
        if known is None or known.first != slot_of(now).start:
            known = self._left[pool_id] = left_of(self.pool(pool_id), now)
        return known

    def held_by(self, namespace: str, procurement: str) -> list[Object]:
        """Give the open contracts that hold capacity for a Procurement, by name."""
        found = [
            contract
            for key in self._of.get(namespace, ())
            if key.procurement == procurement
            for contract in self.pool(key.id).held
        ]
        return sorted(found, key=name_of)

    def shares(self, offers: Iterable[str]) -> Iterator[Share]:
        """Give what namespaces have of some offers by contracts that are in pools."""
        return (s for shares in self._shares.values() for s in shares if s.offer in offers)

    def take(self, pool_id: str, name: Name, contract: Object) -> None:
        """Count an open contract in; `fill` is to follow."""
        self._contracts.setdefault(pool_id, {})[name] = contract
        self._count(contract, 1)

    def forget(self, pool_id: str, name: Name, contract: Object) -> None:
        """Forget a contract; `fill` is to follow."""
        if self._contracts.get(pool_id, {}).pop(name, None) is not None:
            self._count(contract, -1)

    def fill(self, pool_id: str) -> None:
        """Count anew what a pool takes of its node."""
        for number in range(self._rows.pop(pool_id, 0)):
            self._occupancy.drop((pool_id, number))
        self._drawn.discard(pool_id)
        self._shares.pop(pool_id, None)
        self._read.pop(pool_id, None)
        self._left.pop(pool_id, None)
        if not self._contracts.get(pool_id):
            self._contracts.pop(pool_id, None)
            return
        pool = self.pool(pool_id)
        if pool.drawn:
            self._drawn.add(pool_id)
        node = str(spec_of((*pool.held, *pool.drawn)[0])["node"])
        rows = list(pool.commitments(node))
        for number, commitment in enumerate(rows):
            self._occupancy.put((pool_id, number), commitment)
        self._rows[pool_id] = len(rows)
        self._shares[pool_id] = tuple(pool.shares())

    def _read_pool(self, pool_id: str) -> Pool:
        there = [
            contract for _, contract in sorted(self._contracts.get(pool_id, {}).items(), key=first)
        ]
        held = tuple(c for c in there if spec_of(c).get("procurement"))
        return Pool(held, tuple(c for c in there if not spec_of(c).get("procurement")))

    def _count(self, contract: Object, sign: int) -> None:
        """Remember the pools of a namespace while any contract of its own is in them."""
        key = key_of_pool(contract)
        if key is None:
            return
        known = self._of.setdefault(key.namespace, {})
        known[key] = known.get(key, 0) + sign
        if not known[key]:
            del known[key]
