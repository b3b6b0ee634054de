"""Who the consumer of an order is to vendors, and which offers will not have the order.

Vendors speak of namespaces and images; the published clearing holds neither. So before a batch it
is said of each order by which offers it is declined, and, where some offer is limited, an opaque
name of its consumer: clearing, record and reference know no more. Next: `shares.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from busbar.model.choosiness import NO_LIMIT, REFUSES_NOTHING, Traits, minds, traits_of
from busbar.model.dtu import Resources
from busbar.model.time import Instant

if TYPE_CHECKING:
    from busbar.market.offers import Offer
    from busbar.market.orders import Order


class Dealings(NamedTuple):
    """An order as vendors see it: whose it is, "" where no offer is limited; who declines it."""

    consumer: str = ""
    declined: tuple[str, ...] = ()


NO_DEALINGS = Dealings()


class Holding(NamedTuple):
    """What a consumer has of a limited offer already; `end` None: until it stops."""

    offer: str
    consumer: str
    resources: Resources
    start: Instant
    end: Instant | None


def consumer_of(namespace: str) -> str:
    """Give the opaque name of a consumer. Who knows the namespace's name can recognise it."""
    return hashlib.blake2b(f"consumer {namespace}".encode(), digest_size=8).hexdigest()


class Counter:
    """Says what orders are to the vendors of a market."""

    def __init__(self, offers: Iterable[Offer], default_length_ms: int) -> None:
        offers = tuple(offers)
        self._length = default_length_ms
        self._limited = any(offer.limit != NO_LIMIT for offer in offers)
        self._choosy = [offer for offer in offers if offer.refuses != REFUSES_NOTHING]
        self._known: dict[Traits, tuple[str, ...]] = {}
        self._dealings: dict[Dealings, Dealings] = {NO_DEALINGS: NO_DEALINGS}

    @property
    def is_idle(self) -> bool:
        """Say whether no vendor holds anything back."""
        return not self._limited and not self._choosy

    def served(self, order: Order, spec: Mapping[str, Any]) -> Order:
        """Give an order with what it is to vendors; `spec` is its Pod's."""
        if self.is_idle:
            return order
        found = Dealings(
            consumer_of(order.namespace) if self._limited else "",
            self._declined(order, spec) if self._choosy else (),
        )
        # One object for equal dealings: orders alike are told by it.
        return replace(order, dealings=self._dealings.setdefault(found, found))

    def _declined(self, order: Order, spec: Mapping[str, Any]) -> tuple[str, ...]:
        length = order.duration or self._length
        traits = traits_of(spec, order.namespace, order.requests.gpus, length)
        if traits not in self._known:
            minding = (o.name for o in self._choosy if minds(o.refuses, traits))
            self._known[traits] = tuple(sorted(minding))
        return self._known[traits]
