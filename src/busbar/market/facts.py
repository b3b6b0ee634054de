"""What is said of a row: the values of an attribute, from the node's labels and its offer.

Next: `restrictions.py`, which asks for them.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.market.offers import Supply
from busbar.model.expressions import NODE_NAME
from busbar.model.expressions.attributes import values_of


class Facts(NamedTuple):
    """The values of one attribute at one row; none where nobody says anything."""

    values: tuple[str, ...] = ()


NO_FACTS = Facts()


def facts_of(row: Supply, attribute: str) -> Facts:
    """Give what the node's label says, and what the offer states: both count."""
    if attribute == NODE_NAME:
        return Facts((row.node,))
    label = next((value for key, value in row.labels if key == attribute), None)
    stated = next((value for key, value in row.attributes if key == attribute), "")
    if label is None and not stated:
        return NO_FACTS
    found = {*values_of(stated)} | ({label} if label is not None else set())
    return Facts(tuple(sorted(found)))
