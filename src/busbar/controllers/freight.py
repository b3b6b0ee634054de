"""What orders must bring along, as it stands: sizes of buckets, images that nodes hold.

Followed from snapshot to snapshot as `standing.py` does, and apart from the book: a node that
lists one image more changes no price and no room. An order without buckets, of an image that no
node lists or every node has, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from busbar.market.burden import FREE, NO_BURDEN, Burden
from busbar.market.luggage import Held, Place, Stock, burden_of
from busbar.market.offers import Offer
from busbar.market.orders import DEFAULT_DURATION, Order
from busbar.model.objects import Object, name_of, namespace_of, status_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot

IMAGES_MAX = 100
"""Images of a node that are looked at; kubelet lists 50."""
_KNOWN_MAX = 10_000
_Name = tuple[str, str]


class Freight:
    """Follows snapshots: ask `at` first, then for the burden of orders."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sizes: dict[_Name, int] = {}
        self._listed: dict[str, dict[str, int]] = {}
        """Of each node: the images it holds and their sizes."""
        self._holders: dict[str, dict[str, int]] = {}
        self._stock: Stock | None = None
        self._is_priced = False
        self._known: dict[tuple[object, ...], Burden] = {}

    def at(self, snapshot: Snapshot, since: Snapshot | None, offers: Iterable[Offer]) -> None:
        """Take in what changed since the snapshot before."""
        changed = False
        for before, after in snapshot.changes(since, "", "nodes"):
            changed |= self._take_node(before, after)
        for before, after in snapshot.changes(since, GROUP, "buckets"):
            changed |= self._take_bucket(before, after)
        is_priced = any(offer.rates != FREE for offer in offers)
        if changed or is_priced != self._is_priced or self._stock is None:
            self._is_priced = is_priced
            self._stock = None
            self._known.clear()

    def laden(self, order: Order) -> Order:
        """Give an order with what weighs on it now; most are given back as they are."""
        luggage = order.luggage
        key = luggage, order.namespace, order.duration
        burden = self._known.get(key)
        if burden is None:
            if len(self._known) > _KNOWN_MAX:
                self._known.clear()
            sizes = (self._sizes.get((order.namespace, name), 0) for name in luggage.buckets)
            duration = order.duration or DEFAULT_DURATION
            burden = burden_of(luggage, sum(sizes), duration, self._now())
            self._known[key] = burden
        return order if burden is NO_BURDEN else replace(order, burden=burden)

    def _now(self) -> Stock:
        if self._stock is None:
            held = {
                # The least that anybody says: a size made up would keep others' nodes empty.
                image: Held(min(sizes.values()), frozenset(sizes))
                for image, sizes in self._holders.items()
            }
            self._stock = Stock(self._place, held, frozenset(self._listed), self._is_priced)
        return self._stock

    def _take_node(self, before: Object | None, after: Object | None) -> bool:
        old = _images(before) if before is not None else None
        new = _images(after) if after is not None else None
        if old == new and (before is None) == (after is None):
            return False
        if before is not None:
            self._drop(name_of(before))
        if after is not None and new is not None:
            node = name_of(after)
            self._listed[node] = new
            for image, size in new.items():
                self._holders.setdefault(image, {})[node] = size
        return True

    def _drop(self, node: str) -> None:
        for image in self._listed.pop(node, {}):
            holders = self._holders[image]
            del holders[node]
            if not holders:
                del self._holders[image]

    def _take_bucket(self, before: Object | None, after: Object | None) -> bool:
        name = _name(after if after is not None else before or {})
        size = 0 if after is None else _size(status_of(after).get("bytes"))
        if size == self._sizes.get(name, 0):
            return False
        self._sizes[name] = size
        return True


def _images(node: Object) -> dict[str, int]:
    """Give the images that a node lists, by each of their names."""
    found: dict[str, int] = {}
    for image in (status_of(node).get("images") or ())[:IMAGES_MAX]:
        size = _size(image.get("sizeBytes"))
        if size:
            found.update(dict.fromkeys(map(str, image.get("names") or ()), size))
    return found


def _size(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 2**60 else 0


def _name(obj: Object) -> _Name:
    return namespace_of(obj), name_of(obj)
