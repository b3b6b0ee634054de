"""How ordered values compare: numbers by size, versions part by part. Next: `terms.py`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_VERSION: Final = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,7})(?:[-+].*)?", re.ASCII)

NUMBER_HINT: Final = "must be a number such as 3 or 2.5; for versions, add as: version"
VERSION_HINT: Final = "must be a version such as 1.29.3"


def number_of(text: str) -> Decimal | None:
    """Read a decimal number, exactly; None where it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def version_of(text: str) -> tuple[int, ...] | None:
    """Read a dotted version: 1.10 is later than 1.9, 1.0 is 1; what follows - or + is left out."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    parts = [int(part) for part in match[1].split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
