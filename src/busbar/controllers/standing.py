"""What the market knows, kept from one snapshot to the next: book, orders that wait, contracts.

A batch must not cost what there is but what has changed: each object is read once, when it is new.
It stays a pure function of the snapshot, only a remembered one: a Standing that has never seen
anything gives the same for it (tests/simulation/fast/test_standing.py). The book is kept here; what
Pods, contracts and pools are read into is in `remembered/`. Next: `market/inputs.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from busbar.controllers.freight import Freight
from busbar.controllers.remembered.company import Company
from busbar.controllers.remembered.contracts import Contracts
from busbar.controllers.remembered.pods import Pods, Waiting
from busbar.controllers.remembered.pools import Pools
from busbar.controllers.supply import SupplySide
from busbar.market.book import Book
from busbar.market.columns import Columns
from busbar.market.commitments import Commitment
from busbar.market.dealings import Counter as Dealers
from busbar.market.dealings import Holding, consumer_of
from busbar.market.luggage import NOWHERE, Place
from busbar.market.occupancy import Occupancy
from busbar.market.offers import Offer, Supply
from busbar.market.orders import DEFAULT_DURATION
from busbar.model.choosiness import NO_LIMIT
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.store.contract import Snapshot


class Standing:
    """Follows snapshots: ask `at` first, then what is wanted of that snapshot."""

    def __init__(self, place: Place = NOWHERE, gpus: GpuClasses = GPU_CLASSES) -> None:
        self._seen: Snapshot | None = None
        self._supply = SupplySide(gpus)
        self._occupancy = Occupancy()
        self._parts: tuple[Supply, ...] = ()
        self._taken: tuple[Commitment, ...] = ()
        self._sale: tuple[Columns, Book] | None = None
        self._pods = Pods()
        self.pools = Pools(self._occupancy)
        self.contracts = Contracts(self._occupancy, self.pools)
        self.company = Company(self._pods, self.contracts)
        self.freight = Freight(place)
        self.dealings = Dealers((), DEFAULT_DURATION)
        self.offers: tuple[Offer, ...] = ()
        self.book = Book.build(())

    def at(self, snapshot: Snapshot) -> Standing:
        """Take in what changed since the snapshot before."""
        since = self._seen
        if since is not snapshot:
            self.contracts.at(snapshot, since)
            if self._supply.at(snapshot, since):
                self._read_supply()
            self._pods.at(snapshot, since)
            self._hold()
            self.freight.at(snapshot, since, self.offers)
            self.company.at(snapshot)
            self._seen = snapshot
        return self

    def waiting(self) -> list[Waiting]:
        """Give the Pods that wait for a match, by namespace and name."""
        assert self._seen is not None
        return self._pods.waiting(self._seen)

    def row(self, node: str, offer: str) -> Supply | None:
        """Give a node under an offer as it is for sale now."""
        rows = self.book.supplies
        at = bisect_left(rows, (node, offer), key=lambda row: (row.node, row.offer))
        found = rows[at] if at < len(rows) else None
        return found if found and (found.node, found.offer) == (node, offer) else None

    @property
    def limited(self) -> frozenset[str]:
        """Give the offers of which one consumer may have only so much, by name."""
        return frozenset(offer.name for offer in self.offers if offer.limit != NO_LIMIT)

    def holdings(self) -> tuple[Holding, ...]:
        """Give what consumers have of the offers that are limited."""
        limited = self.limited
        plain = (share for offer in limited for share in self.contracts.shares(offer))
        shares = (*plain, *self.pools.shares(limited))
        found = [Holding(s.offer, consumer_of(s.namespace), *s[2:]) for s in shares]
        return tuple(sorted(found, key=_order_of_holding))

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


def _order_of_holding(holding: Holding) -> tuple[Any, ...]:
    """Order holdings by what they are, the endless after those that end."""
    offer, consumer, resources, start, end = holding
    return offer, consumer, start, end is None, end or 0, resources
