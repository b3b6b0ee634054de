"""Reading orders that are alike: Pods that share a spec and say the same are read once.

The Pods of a job share one object for their spec (the door sees to it), and objects are never
changed in place: what was read from one holds for the other. Such orders then share their terms
too, which the clearing tells by identity. Next: `eligibility.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from busbar.market.orders import Order, OrderRefused, parse_order, renamed
from busbar.model.gangs import gang_name
from busbar.model.objects import Object, annotations_of, namespace_of, spec_of

KEPT = 4096


class _Read(NamedTuple):
    """An order that was read; it keeps alive what its key names by identity."""

    spec: Mapping[str, Any]
    namespace: Mapping[str, Any] | None
    order: Order


class Reader:
    """Reads orders, and remembers the kinds that it has read: see `orders.renamed`."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], _Read] = {}

    def read(self, pod: Object, namespace: Mapping[str, Any] | None) -> Order | OrderRefused:
        """Give what `parse_order` gives."""
        spec = spec_of(pod)
        said = annotations_of(pod).items()
        key = (id(spec), id(namespace), namespace_of(pod), *said)
        known = self._known.get(key)
        # A gang may be told by labels and owners too: its members are read one by one.
        if known is not None and gang_name(pod) is None:
            return renamed(known.order, pod)
        order = parse_order(pod, namespace)
        if isinstance(order, Order) and order.gang is None:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = _Read(spec, namespace, order)
        return order
