"""What is said of a row: the values of an attribute, and what was signed of it.

Next: `restrictions.py`, which asks for them.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.market.attested import Attested, When
from busbar.market.offers import Supply
from busbar.model.expressions import NODE_NAME
from busbar.model.expressions.attributes import values_of


class Facts(NamedTuple):
    """The values of one attribute at one row as they are said, and as auditors have signed them."""

    values: tuple[str, ...] = ()
    attested: tuple[Attested, ...] = ()

    def signed_by(self, auditor: str, when: When) -> tuple[str, ...]:
        """Give the values that an auditor has signed for all of a time."""
        return tuple(
            one.value
            for one in self.attested
            if one.auditor == auditor and one.since <= when.start and one.until >= when.end
        )

    @property
    def everything(self) -> tuple[str, ...]:
        """Give every value that anybody says, signed or not, whenever."""
        return (*self.values, *(one.value for one in self.attested))


NO_FACTS = Facts()


def facts_of(row: Supply, attribute: str) -> Facts:
    """Give what the node's label says, what vendor and offer state, and what was signed."""
    if attribute == NODE_NAME:
        return Facts((row.node,))
    label = next((value for key, value in row.labels if key == attribute), None)
    stated = next((value for key, value in row.attributes if key == attribute), "")
    attested = tuple(one for one in row.attested if one.attribute == attribute)
    if label is None and not stated and not attested:
        return NO_FACTS
    found = {*values_of(stated)} | ({label} if label is not None else set())
    return Facts(tuple(sorted(found)), attested)
