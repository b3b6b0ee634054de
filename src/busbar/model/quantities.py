"""Kubernetes quantities (`500m`, `4Gi`, `1.5`) as integers.

Source: k8s.io/apimachinery/pkg/api/resource. Next: `dtu.py`.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache

from busbar.model.errors import InvalidField

_QUANTITY = re.compile(
    r"\A([+-]?)(\d{1,19}(?:\.\d{0,18})?|\.\d{1,18})"
    r"(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d{1,2})?\Z",
    re.ASCII,
)
_SUFFIX = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** (i + 1) for i, unit in enumerate("kMGTPE")},
    **{f"{unit}i": Decimal(1024) ** (i + 1) for i, unit in enumerate("KMGTPE")},
}
_LIMIT = Decimal(2**63 - 1)
_EXACT = Context(prec=100)
"""Digits enough for the longest number the pattern lets through, times the largest suffix."""
_LONGEST = 64
_NO_QUANTITY = 'must be a quantity such as "500m", "2" or "4Gi"'


def parse_quantity(value: object, path: str) -> Decimal:
    """Read a non-negative quantity, exactly."""
    text = _as_text(value)
    found = _read(text) if len(text) <= _LONGEST else _NO_QUANTITY
    if isinstance(found, str):
        raise InvalidField(path, found)
    return found


@lru_cache(maxsize=4096)
def _read(text: str) -> Decimal | str:
    """Give the number, or what is wrong with it. The same few sizes are asked for all the time."""
    match = _QUANTITY.match(text)
    if match is None:
        return _NO_QUANTITY
    sign, digits, suffix = match.groups()
    factor = _SUFFIX.get(suffix or "") or Decimal(10) ** int((suffix or "e0")[1:])
    number = _EXACT.multiply(Decimal(digits), factor)
    if sign == "-" and number:
        return "must not be negative"
    return "is out of range" if number > _LIMIT else number


def milli(value: object, path: str) -> int:
    """Give thousandths, rounded up as Kubernetes does (cpu)."""
    return _parts(value, path, 1000)


def whole(value: object, path: str) -> int:
    """Give whole units, rounded up (bytes of memory, counts)."""
    return _parts(value, path, 1)


def _parts(value: object, path: str, parts: int) -> int:
    text = _as_text(value)
    found = _rounded(text, parts) if len(text) <= _LONGEST else _NO_QUANTITY
    if isinstance(found, str):
        raise InvalidField(path, found)
    return found


@lru_cache(maxsize=4096)
def _rounded(text: str, parts: int) -> int | str:
    """Give a quantity in so many parts of a unit, rounded up, or what is wrong with it."""
    found = _read(text)
    return found if isinstance(found, str) else _ceil(_EXACT.multiply(found, Decimal(parts)))


VOLUME_MAX = 2**50
"""A pebibyte: a larger volume of data is a typing error."""


def volume(value: object, path: str) -> int:
    """Give an amount of data to be moved, in bytes."""
    found = whole(value, path)
    if found > VOLUME_MAX:
        raise InvalidField(path, 'is more than a pebibyte; write a quantity such as "12Gi"')
    return found


def _as_text(value: object) -> str:
    """Give a number's text; nothing where it is no number, or too long to be one in range."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    # Formatting a huge integer costs quadratic time, and Python refuses it beyond 4300 digits.
    return "" if isinstance(value, int) and value.bit_length() > 64 else str(value)


def _ceil(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING, _EXACT))


def format_bytes(count: int) -> str:
    """Write bytes with the largest binary suffix that keeps them exact."""
    for i, unit in reversed(list(enumerate("KMGTPE"))):
        size = 1024 ** (i + 1)
        if count and count % size == 0:
            return f"{count // size}{unit}i"
    return str(count)


def format_milli(count: int) -> str:
    """Write thousandths of a cpu: `2`, `500m`."""
    return str(count // 1000) if count % 1000 == 0 else f"{count}m"
