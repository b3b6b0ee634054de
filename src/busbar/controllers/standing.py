"""What the market knows, kept from one snapshot to the next: book, orders that wait, contracts.

A batch must not cost what there is but what has changed: each object is read once, when it is new.
It stays a pure function of the snapshot, only a remembered one: a Standing that has never seen
anything gives the same for it (tests/simulation/fast/test_standing.py). Next:
`market/inputs.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from busbar.controllers.freight import Freight
from busbar.controllers.left import Left, left_of
from busbar.controllers.parts.funds import billed_by_month
from busbar.controllers.parts.pods import contract_key, is_final, is_promised, node_of, phase_of
from busbar.controllers.pools import Pool, PoolKey, Share, key_of_pool, pool_of
from busbar.controllers.supply import SupplySide
from busbar.ledger.periods import month_of
from busbar.market.alike import Reader
from busbar.market.book import Book
from busbar.market.columns import Columns
from busbar.market.commitments import Commitment, commitment_of
from busbar.market.company import EVERYWHERE, NO_RULES, Resident, Rules, Selector
from busbar.market.dealings import Counter as Dealers
from busbar.market.dealings import Holding, consumer_of
from busbar.market.luggage import NOWHERE, Place
from busbar.market.occupancy import Occupancy
from busbar.market.offers import Offer, Supply
from busbar.market.orders import DEFAULT_DURATION, Order, OrderRefused
from busbar.market.podrules import rules_of
from busbar.model.choosiness import NO_LIMIT
from busbar.model.errors import InvalidField
from busbar.model.gangs import Gang, gang_name
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
)
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import ANN_PIECE, GROUP
from busbar.store.contract import Snapshot

_Name = tuple[str, str]
"""Namespace and name."""


class Waiting(NamedTuple):
    """A Pod that waits for a match, and the order that it is, or why it cannot be one."""

    pod: Object
    order: Order | OrderRefused


class Standing:
    """Follows snapshots: ask `at` first, then what is wanted of that snapshot."""

    def __init__(self, place: Place = NOWHERE, gpus: GpuClasses = GPU_CLASSES) -> None:
        self.freight = Freight(place)
        self._seen: Snapshot | None = None
        self._supply = SupplySide(gpus)
        self._unbound: dict[_Name, Object] = {}
        self._orders: dict[_Name, Order | OrderRefused] = {}
        self._open: dict[str, dict[_Name, Object]] = {}
        self._homes: dict[str, dict[str, tuple[_Name, ...]]] = {}
        self._pools: dict[str, dict[_Name, Object]] = {}
        self._pools_of: dict[str, dict[PoolKey, int]] = {}
        self._drawn: set[str] = set()
        self._read_pools: dict[str, Pool] = {}
        self._left: dict[str, Left] = {}
        self._pool_rows: dict[str, int] = {}
        self._shares: dict[str, tuple[Share, ...]] = {}
        self._parts: tuple[Supply, ...] = ()
        self._taken: tuple[Commitment, ...] = ()
        self._sale: tuple[Columns, Book] | None = None
        self._keepers: dict[_Name, Rules] = {}
        self._gangs: dict[str, set[_Name]] = {}
        self._places: dict[str, dict[_Name, Object]] = {}
        self._plans: dict[str, dict[_Name, Object]] = {}
        self._spent: Counter[tuple[str, str]] = Counter()
        self._reader = Reader()
        self._occupancy = Occupancy()
        self._under: dict[str, dict[_Name, Commitment]] = {}
        self.dealings = Dealers((), DEFAULT_DURATION)
        self.offers: tuple[Offer, ...] = ()
        self.book = Book.build(())

    def at(self, snapshot: Snapshot) -> Standing:
        """Take in what changed since the snapshot before."""
        since = self._seen
        if since is not snapshot:
            self._take_contracts(snapshot, since)
            self._take_supply(snapshot, since)
            self._take_namespaces(snapshot, since)
            self._take_pods(snapshot, since)
            self._hold()
            self.freight.at(snapshot, since, self.offers)
            self._seen = snapshot
        return self

    def waiting(self) -> list[Waiting]:
        """Give the Pods that wait for a match, by namespace and name."""
        assert self._seen is not None
        found = []
        for name, pod in sorted(self._unbound.items(), key=_first):
            if not is_promised(pod, self._seen):
                order = self._orders.get(name)
                if order is None:
                    order = self._orders[name] = self._read(pod)
                found.append(Waiting(pod, order))
        return found

    def _read(self, pod: Object) -> Order | OrderRefused:
        assert self._seen is not None
        namespace = self._seen.get(Key("", "namespaces", "", namespace_of(pod)))
        return self._reader.read(pod, namespace)

    def residents(self, orders: Iterable[Order]) -> Iterable[Resident]:
        """Give those with an open contract that the company of these orders may be about.

        They are all of the namespaces that the orders' rules name, and whoever keeps others away.
        """
        assert self._seen is not None
        selectors: set[Selector] = set()
        for order in orders:
            selectors |= order.rules.selectors()
        named = {name for selector in selectors for name in selector.namespaces}
        wanted = self._homes.keys() if EVERYWHERE in named else named & self._homes.keys()
        for namespace in sorted(wanted):
            for pod in self._homes[namespace]:
                yield from self._resident(namespace, pod)
        for namespace, pod in self._keepers:
            if namespace not in wanted:
                yield from self._resident(namespace, pod)

    def _resident(self, namespace: str, name: str) -> Iterator[Resident]:
        assert self._seen is not None
        homes = self._homes.get(namespace, {}).get(name, ())
        pod = self._seen.get(Key("", "pods", namespace, name))
        if homes and pod is not None:
            rules = self._keepers.get((namespace, name), NO_RULES)
            for node in sorted({node for _, node in homes}):
                yield Resident(node, namespace, labels_of(pod), rules)

    def row(self, node: str, offer: str) -> Supply | None:
        """Give a node under an offer as it is for sale now."""
        rows = self.book.supplies
        at = bisect_left(rows, (node, offer), key=lambda row: (row.node, row.offer))
        found = rows[at] if at < len(rows) else None
        return found if found and (found.node, found.offer) == (node, offer) else None

    def started_together(self, contract: Object) -> list[Object]:
        """Give the other open contracts that the same clearing made for the same gang."""
        assert self._seen is not None
        gang, clearing = spec_of(contract).get("gang"), spec_of(contract).get("clearing")
        if not gang:
            return []
        found = [self._contract(name) for name in sorted(self._gangs.get(gang, ()))]
        found += [place for _, place in sorted(self._places.get(gang, {}).items(), key=_first)]
        return [
            other
            for other in found
            if other is not None
            and name_of(other) != name_of(contract)
            and spec_of(other).get("clearing") == clearing
        ]

    def pieces_before(self, contract: Object) -> list[Object]:
        """Give the open contracts of earlier pieces of the same work."""
        spec = spec_of(contract)
        plan = self._plans.get(spec.get("plan") or "", {})
        return [other for other in plan.values() if spec_of(other)["piece"] < spec["piece"]]

    def in_gangs(self, orders: Iterable[Order]) -> dict[str, Gang]:
        """Give, for gangs some of whose members have a place or are done, how many and where."""
        assert self._seen is not None
        found = {}
        for gang in {order.gang for order in orders if order.gang is not None}:
            names = self._gangs.get(gang.name, ())
            pods = [self._seen.get(Key("", "pods", *name)) for name in names]
            done = sum(pod is not None and phase_of(pod) == "Succeeded" for pod in pods)
            zones = [spec_of(c)["zone"] for n in names if (c := self._contract(n)) is not None]
            if done or zones:
                there = gang._replace(there=done + len(zones), zones=tuple(sorted(set(zones))))
                found[gang.name] = there
        return found

    def _contract(self, pod: _Name) -> Object | None:
        """Give the open contract of a Pod that has not ended."""
        assert self._seen is not None
        obj = self._seen.get(Key("", "pods", *pod))
        if obj is None or is_final(obj) or not is_promised(obj, self._seen):
            return None
        key = contract_key(obj)
        return self._seen.get(key) if key is not None else None

    @property
    def limited(self) -> frozenset[str]:
        """Give the offers of which one consumer may have only so much, by name."""
        return frozenset(offer.name for offer in self.offers if offer.limit != NO_LIMIT)

    def holdings(self) -> tuple[Holding, ...]:
        """Give what consumers have of the offers that are limited."""
        limited = self.limited
        plain = [
            Share(offer, namespace, taken.resources, taken.start, taken.end)
            for offer in limited
            for (namespace, _), taken in self._under.get(offer, {}).items()
        ]
        pooled = [s for shares in self._shares.values() for s in shares if s.offer in limited]
        found = [Holding(s.offer, consumer_of(s.namespace), *s[2:]) for s in (*plain, *pooled)]
        return tuple(sorted(found, key=_order_of_holding))

    def contracts_on(self, node: str) -> Iterable[Object]:
        """Give the open contracts of a node."""
        return self._open.get(node, {}).values()

    def contracts_under(self, offer: str) -> list[Object]:
        """Give the open contracts under an offer, by namespace and name."""
        there = (pair for node in self._open.values() for pair in node.items())
        found = [
            (name, contract) for name, contract in there if spec_of(contract)["offer"] == offer
        ]
        return [contract for _, contract in sorted(found, key=_first)]

    def held_by(self, namespace: str, procurement: str) -> list[Object]:
        """Give the open contracts that hold capacity for a Procurement, by name."""
        found = [
            contract
            for key in self._pools_of.get(namespace, ())
            if key.procurement == procurement
            for contract in self.pool(key.id).held
        ]
        return sorted(found, key=name_of)

    @property
    def has_pools(self) -> bool:
        """Say whether any capacity is held, or drawn on."""
        return bool(self._pool_rows)

    def pools_of(self, namespace: str) -> list[PoolKey]:
        """Give the pools of a namespace, in an order of their own."""
        return sorted(self._pools_of.get(namespace, ()))

    def drawn_pools(self) -> list[str]:
        """Give the opaque names of the pools that Pods draw on, in an order of their own."""
        return sorted(self._drawn)

    def pool(self, pool_id: str) -> Pool:
        """Give the open contracts of a pool, by its opaque name; read once, until they change."""
        if pool_id not in self._read_pools:
            self._read_pools[pool_id] = self._read_pool(pool_id)
        return self._read_pools[pool_id]

    def left_of(self, pool_id: str, now: Instant) -> Left:
        """Give what is left of a pool, hour by hour; worked out once an hour, until it changes."""
        known = self._left.get(pool_id)
        if known is None or known.first != slot_of(now).start:
            known = self._left[pool_id] = left_of(self.pool(pool_id), now)
        return known

    def _read_pool(self, pool_id: str) -> Pool:
        there = [
            contract for _, contract in sorted(self._pools.get(pool_id, {}).items(), key=_first)
        ]
        held = tuple(c for c in there if spec_of(c).get("procurement"))
        return Pool(held, tuple(c for c in there if not spec_of(c).get("procurement")))

    def book_with(self, parts: tuple[Supply, ...], taken: tuple[Commitment, ...] = ()) -> Book:
        """Give the book with parts of nodes that are sold again; made anew where they changed.

        `taken` is what of the parts is not for sale in some of their hours. It stands in the table
        of all that is promised until other parts are asked for: no other book has their nodes.
        """
        if self._taken != taken:
            for number, commitment in enumerate(taken):
                self._occupancy.put(("part", number), commitment)
            for number in range(len(taken), len(self._taken)):
                self._occupancy.drop(("part", number))
            self._taken = taken
        if not parts:
            return self.book
        tables = self.book.columns
        if self._sale is None or self._sale[0] is not tables or self._parts != parts:
            rows = (*self.book.supplies, *parts)
            self._parts = parts
            self._sale = tables, Book.build(rows, self._occupancy, self.book.vendors)
        return self._sale[1].held(self.book.holdings)

    def spent(self, namespace: str, now: Instant) -> int:
        """Give what a namespace was billed in the month of an instant, by its contracts."""
        return self._spent[namespace, month_of(now)]

    def _take_contracts(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        touched: set[str] = set()
        for before, after in snapshot.changes(since, GROUP, "contracts"):
            if before is not None:
                touched.add(self._forget_contract(before))
            if after is not None:
                touched.add(self._take_contract(after))
        touched.discard("")
        for pool in touched:
            self._fill(pool)

    def _forget_contract(self, contract: Object) -> str:
        """Forget a contract, and give the pool that it was in, "" for none."""
        name, spec, pool = _name(contract), spec_of(contract), pool_of(contract)
        self._open.get(spec["node"], {}).pop(name, None)
        if plan := spec.get("plan"):
            self._forget_piece(plan, contract)
        if spec.get("procurement") and spec.get("gang"):
            self._places.get(spec["gang"], {}).pop(name, None)
        self._under.get(spec["offer"], {}).pop(name, None)
        if not pool:
            self._occupancy.drop(name)
        elif self._pools.get(pool, {}).pop(name, None) is not None:
            self._count_pool(contract, -1)
        self._bill(contract, -1)
        if not spec.get("procurement"):
            self._move_out(contract)
        return pool

    def _take_contract(self, contract: Object) -> str:
        """Count a contract in, and give the pool that it is in, "" for none and for closed ones."""
        self._bill(contract, 1)
        taken = commitment_of(contract)
        if taken is None:
            return ""
        name, spec, pool = _name(contract), spec_of(contract), pool_of(contract)
        self._open.setdefault(taken.node, {})[name] = contract
        if plan := spec.get("plan"):
            self._plans.setdefault(plan, {})[name] = contract
        if spec.get("procurement") and spec.get("gang"):
            self._places.setdefault(spec["gang"], {})[name] = contract
        if pool:
            self._pools.setdefault(pool, {})[name] = contract
            self._count_pool(contract, 1)
        else:
            self._under.setdefault(spec["offer"], {})[name] = taken
            self._occupancy.put(name, taken)
        if not spec.get("procurement"):
            self._move_in(contract, taken.node)
        return pool

    def _count_pool(self, contract: Object, sign: int) -> None:
        """Remember the pools of a namespace while any contract of its own is in them."""
        key = key_of_pool(contract)
        if key is None:
            return
        known = self._pools_of.setdefault(key.namespace, {})
        known[key] = known.get(key, 0) + sign
        if not known[key]:
            del known[key]

    def _fill(self, pool_id: str) -> None:
        """Count anew what a pool takes of its node."""
        for number in range(self._pool_rows.pop(pool_id, 0)):
            self._occupancy.drop((pool_id, number))
        self._drawn.discard(pool_id)
        self._shares.pop(pool_id, None)
        self._read_pools.pop(pool_id, None)
        self._left.pop(pool_id, None)
        if not self._pools.get(pool_id):
            self._pools.pop(pool_id, None)
            return
        pool = self.pool(pool_id)
        if pool.drawn:
            self._drawn.add(pool_id)
        node = str(spec_of((*pool.held, *pool.drawn)[0])["node"])
        rows = list(pool.commitments(node))
        for number, commitment in enumerate(rows):
            self._occupancy.put((pool_id, number), commitment)
        self._pool_rows[pool_id] = len(rows)
        self._shares[pool_id] = tuple(pool.shares())

    def _forget_piece(self, plan: str, contract: Object) -> None:
        pieces = self._plans.get(plan, {})
        pieces.pop(_name(contract), None)
        if not pieces:
            self._plans.pop(plan, None)

    def _move_in(self, contract: Object, node: str) -> None:
        homes = self._homes.setdefault(namespace_of(contract), {})
        tenant = _tenant(contract)
        homes[tenant] = (*homes.get(tenant, ()), (name_of(contract), node))

    def _move_out(self, contract: Object) -> None:
        homes = self._homes.get(namespace_of(contract), {})
        tenant = _tenant(contract)
        left = tuple(home for home in homes.get(tenant, ()) if home[0] != name_of(contract))
        if left:
            homes[tenant] = left
        else:
            homes.pop(tenant, None)

    def _bill(self, contract: Object, sign: int) -> None:
        for month, billed in billed_by_month(contract).items():
            self._spent[namespace_of(contract), month] += sign * billed

    def _take_supply(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        if self._supply.at(snapshot, since):
            self._read_supply()

    def weigh_bonds(self, snapshot: Snapshot) -> None:
        """Read anew what is in vendors' bonds: money that moves changes no object.

        For a batch in which an order asks for a bond.
        """
        if self._supply.weigh_bonds(snapshot):
            self._read_supply()
            self._hold()

    def _hold(self) -> None:
        if self.limited:
            self.book = self.book.held(self.holdings())

    def _read_supply(self) -> None:
        if self.offers != self._supply.offers:
            self.dealings = Dealers(self._supply.offers, DEFAULT_DURATION)
        self.offers = self._supply.offers
        self.book = Book.build(self._supply.rows, self._occupancy, self._supply.vendors)

    def _take_namespaces(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Forget the orders of a namespace whose defaults may have changed."""
        changes = snapshot.changes(since, "", "namespaces")
        changed = {name_of(obj) for pair in changes for obj in pair if obj is not None}
        for name in [name for name in self._orders if name[0] in changed]:
            del self._orders[name]

    def _take_pods(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        for before, after in snapshot.changes(since, "", "pods"):
            name = _name(before or after or {})
            if before is not None:
                self._unbound.pop(name, None)
                self._orders.pop(name, None)
                self._keepers.pop(name, None)
                if (gang := gang_name(before)) is not None:
                    self._gangs[gang].discard(name)
            if after is None:
                continue
            if _is_unbound(after):
                self._unbound[name] = after
            if (gang := gang_name(after)) is not None:
                self._gangs.setdefault(gang, set()).add(name)
            if (rules := _keeps_away(after)) is not None:
                self._keepers[name] = rules


def _is_unbound(pod: Object) -> bool:
    return (
        not node_of(pod)
        and not is_deleting(pod)
        and phase_of(pod) == "Pending"
        and not spec_of(pod).get("schedulingGates")
        and ANN_PIECE not in annotations_of(pod)
    )


def _tenant(contract: Object) -> str:
    """Give the name of the Pod that a contract is for."""
    return str((spec_of(contract).get("order") or {}).get("name", ""))


def _keeps_away(pod: Object) -> Rules | None:
    """Give the rules of a Pod that will not have others near; None for most."""
    if not (spec_of(pod).get("affinity") or {}).get("podAntiAffinity"):
        return None
    try:
        rules = rules_of(spec_of(pod), namespace_of(pod))
    except InvalidField:
        return None
    return rules if rules.apart else None


def _name(obj: Object) -> _Name:
    meta = metadata(obj)
    return meta.get("namespace") or "", meta.get("name") or ""


def _order_of_holding(holding: Holding) -> tuple[Any, ...]:
    """Order holdings by what they are, the endless after those that end."""
    offer, consumer, resources, start, end = holding
    return offer, consumer, start, end is None, end or 0, resources


def _first(entry: tuple[_Name, Any]) -> _Name:
    return entry[0]
