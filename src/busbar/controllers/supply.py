"""What is for sale, kept from one snapshot to the next: offers, vendors, a row for each node.

A node that is lost or found makes its own rows anew, not those of all others; what is only told of
an offer or a vendor makes none. Next: `standing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from busbar.controllers.attestations import claims
from busbar.controllers.nodes import is_ready
from busbar.ledger.entries import bond
from busbar.market.attested import NO_CLAIMS
from busbar.market.offers import Offer, Supply, parse_offer, supply_rows
from busbar.model.errors import InvalidField
from busbar.model.gpus import GpuClasses
from busbar.model.objects import Object, metadata, name_of, spec_of, status_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot

_Change = tuple[Object | None, Object | None]


class SupplySide:
    """Follows what supply is read from."""

    def __init__(self, gpus: GpuClasses) -> None:
        self._gpus = gpus
        self.offers: tuple[Offer, ...] = ()
        self.vendors: list[str] = []
        self._bonds: dict[str, int] = {}
        self._claims = NO_CLAIMS
        self._rows: dict[str, tuple[Supply, ...]] = {}

    @property
    def rows(self) -> Iterable[Supply]:
        """Give the rows of all nodes, in no order."""
        return chain.from_iterable(self._rows.values())

    def at(self, snapshot: Snapshot, since: Snapshot | None) -> bool:
        """Take in what changed between two snapshots, and say whether anything did."""
        if since is None or any(_differs(snapshot, since, *source) for source in _TERMS):
            self._read_all(snapshot)
            return True
        changed = [pair for pair in snapshot.changes(since, "", "nodes") if _sells(pair, _state_of)]
        for before, _ in changed:
            if before is not None:
                self._rows.pop(name_of(before), None)
        self._read(after for _, after in changed if after is not None)
        return bool(changed)

    def weigh_bonds(self, snapshot: Snapshot) -> bool:
        """Read all anew where another amount is in some vendor's bond, and say whether it is."""
        if self._bonds == _bonds_of(self.vendors, snapshot):
            return False
        self._read_all(snapshot)
        return True

    def _read_all(self, snapshot: Snapshot) -> None:
        self.offers = tuple(_readable(snapshot.list(GROUP, "offers")))
        self.vendors = [name_of(vendor) for vendor in snapshot.list(GROUP, "vendors")]
        self._bonds = _bonds_of(self.vendors, snapshot)
        self._claims = claims(snapshot)
        self._rows.clear()
        self._read(snapshot.list("", "nodes"))

    def _read(self, nodes: Iterable[Object]) -> None:
        nodes = list(nodes)
        ready = {name_of(node) for node in nodes if is_ready(node)}
        for row in supply_rows(self.offers, nodes, ready.__contains__, self._claims, self._gpus):
            self._rows[row.node] = (*self._rows.get(row.node, ()), row)


def _bonds_of(vendors: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
    """Give what is in the bond of each vendor, in nano-euro."""
    return {vendor: snapshot.balance(bond(vendor)) for vendor in vendors}


def _readable(offers: Iterable[Object]) -> Iterator[Offer]:
    """Read the offers; one that cannot be read sells nothing (its status says why)."""
    for obj in offers:
        try:
            yield parse_offer(obj)
        except InvalidField:
            continue


def _nothing(_: Object) -> None:
    """Give what is sold by an offer's or a vendor's status: its price now and its reliability are
    told of it, as often as anybody buys, and sell nothing.
    """


def _state_of(node: Object) -> tuple[object, ...]:
    """Give what of a node's status is sold: what it has, while it is there."""
    return status_of(node).get("allocatable"), status_of(node).get("capacity"), is_ready(node)


_TERMS = (
    ("offers", _nothing),
    ("vendors", _nothing),
    ("auditors", status_of),
    ("attestations", status_of),
)
"""What the rows of many nodes are read from, and what of its status has a part in it."""


def _differs(
    snapshot: Snapshot, since: Snapshot, resource: str, state: Callable[[Object], object]
) -> bool:
    return any(_sells(change, state) for change in snapshot.changes(since, GROUP, resource))


def _sells(change: _Change, state: Callable[[Object], object]) -> bool:
    """Say whether a change is of what is for sale."""
    before, after = change
    if before is None or after is None:
        return True
    return _for_sale(before, state) != _for_sale(after, state)


_BOOKKEEPING = frozenset({"resourceVersion", "managedFields", "generation"})


def _for_sale(obj: Object, state: Callable[[Object], object]) -> tuple[object, ...]:
    meta = {k: v for k, v in metadata(obj).items() if k not in _BOOKKEEPING}
    return meta, spec_of(obj), state(obj)
