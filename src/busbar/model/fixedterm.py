"""A term at a fixed price, as a Pod states it: how long its contracts are made for.

The market sells up to 48 hours ahead, so no term is longer than that.
Next: `hours.py`.
"""

from __future__ import annotations

from typing import Final

from busbar.model.errors import InvalidField
from busbar.model.time import HOUR, parse_duration

TERM_MIN: Final = HOUR
TERM_MAX: Final = 48 * HOUR


def read_term(value: object, path: str) -> int:
    """Read a fixed term in milliseconds; InvalidField where it cannot be one."""
    term = parse_duration(value, path)
    if not TERM_MIN <= term <= TERM_MAX:
        raise InvalidField(path, "must be from 1h to 48h: so far ahead hours are traded")
    return term
