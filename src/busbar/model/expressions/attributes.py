"""Attributes as they are stated: names with values, several of them separated by commas.

Next: `reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from busbar.model.errors import InvalidField
from busbar.model.expressions.names import full_name, is_name, is_reserved
from busbar.model.wellknown import LABEL_BOND

ATTRIBUTES_MAX: Final = 64
_JOINING: Final = "joining says of each node"
_VALUE_MAX: Final = 1024


def read_attributes(
    stated: object, path: str, *, reserved: bool = False
) -> tuple[tuple[str, str], ...]:
    """Read attributes under their full names, sorted.

    What joining decides of a node (where it is, whose it is) no offer may state otherwise; an
    auditor may speak of what is `reserved` as well.
    """
    if stated is None:
        return ()
    if not isinstance(stated, Mapping) or len(stated) > ATTRIBUTES_MAX:
        raise InvalidField(path, f"must be an object of at most {ATTRIBUTES_MAX} strings")
    found: dict[str, str] = {}
    for name, value in stated.items():
        at = f"{path}.{name}"
        if not isinstance(name, str) or not is_name(name):
            raise InvalidField(at, "is no attribute's name; write one such as certification")
        if is_reserved(name) and not reserved:
            who = "the ledger says of each vendor" if full_name(name) == LABEL_BOND else _JOINING
            raise InvalidField(at, f"is what {who}; it cannot be stated here")
        if not isinstance(value, str):
            raise InvalidField(at, "must be a string")
        if len(value) > _VALUE_MAX or not value.isprintable():
            raise InvalidField(at, f"must be printable, at most {_VALUE_MAX} characters")
        found[full_name(name)] = value
    return tuple(sorted(found.items()))


def values_of(text: str) -> tuple[str, ...]:
    """Give the values that one text states, separated by commas."""
    return tuple(sorted({value.strip() for value in text.split(",")} - {""}))
