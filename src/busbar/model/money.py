"""Money is an integer of nano-euro; never a float.

Prices arrive in manifests as decimal strings or numbers and are parsed here, once, with the
field's path in every refusal. Next: `dtu.py`, which turns prices into amounts.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NewType

from busbar.model.errors import InvalidField

NanoEuro = NewType("NanoEuro", int)
"""An amount or a price per DTU, in 10⁻⁹ euro."""

NANO_PER_EURO = 1_000_000_000
MAX_NANO_EURO = 10**18
"""One billion euro: beyond it a price or an amount is a typing error, and sums stay in 64 bits."""

_MANY_DIGITS = '"123456789.123456789"'
EXACT_DIGITS = 15
"""So many digits of a decimal survive a double, whatever they are (IEEE 754, binary64)."""

_DECIMAL = re.compile(r"\A\d{1,12}(?:\.\d{1,30})?\Z", re.ASCII)
_WHAT_IS_RIGHT = 'write euros as a plain decimal with at most 9 decimals, such as "0.035"'


def parse_euro(value: object, path: str) -> NanoEuro:
    """Read a price or an amount in euro, from a decimal string or a JSON number.

    Refuses (`InvalidField`) what is not a plain non-negative decimal: NaN, infinities, exponents,
    negative values (minus zero too), more than nine decimals, more than a billion euro.
    """
    if type(value) is str and (known := _read(value)) is not None:
        return known
    return _parse(value, path)


@lru_cache(maxsize=1024)
def _read(text: str) -> NanoEuro | None:
    """Read a price that is written as text, None where it is wrong: few are asked, and often."""
    try:
        return _parse(text, "")
    except InvalidField:
        return None


def _parse(value: object, path: str) -> NanoEuro:
    text = _as_text(value, path)
    if text.startswith("-"):
        raise InvalidField(path, f"must not be negative, got {_shown(text)}; {_WHAT_IS_RIGHT}")
    if not _DECIMAL.match(text):
        raise InvalidField(path, f"{_shown(text)} is not a price; {_WHAT_IS_RIGHT}")
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > 9:
        raise InvalidField(path, f"{_shown(text)} is finer than a nano-euro; {_WHAT_IS_RIGHT}")
    nano = int(whole) * NANO_PER_EURO + int(fraction.rstrip("0").ljust(9, "0"))
    if nano > MAX_NANO_EURO:
        raise InvalidField(path, f"{_shown(text)} is more than a billion euro")
    return NanoEuro(nano)


def _as_text(value: object, path: str) -> str:
    """Give the decimal text of a manifest's value; a float's shortest form, expanded."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        kind = type(value).__name__
        raise InvalidField(path, f"must be a decimal string or a number, not {kind}")
    if isinstance(value, int) and abs(value) > MAX_NANO_EURO:
        # Formatting a huge integer costs quadratic time; it is refused either way.
        raise InvalidField(path, "is out of range; prices end at a billion euro")
    if isinstance(value, float | Decimal):
        # A JSON number such as 1e-3 reaches us as a float: its shortest decimal form is what the
        # user wrote, up to 15 digits. Refuse what has no plain form before expanding it.
        number = Decimal(repr(value)) if isinstance(value, float) else value
        if not number.is_finite() or abs(number.adjusted()) > 40:
            raise InvalidField(path, f"{_shown(str(value))} is out of range; {_WHAT_IS_RIGHT}")
        if isinstance(value, float) and len(number.normalize().as_tuple().digits) > EXACT_DIGITS:
            said = "has more digits than a JSON number keeps exactly; write it as a string"
            raise InvalidField(path, f"{_shown(str(value))} {said}, such as {_MANY_DIGITS}")
        return format(number, "f")
    return str(value).strip()


def _shown(text: str) -> str:
    """Quote a value, shortened: a refusal is a sentence, not an echo of a megabyte."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def format_euro(nano: int, *, decimals: int | None = None) -> str:
    """Write nano-euro as euros: exact, without trailing zeros, or rounded half up to `decimals`.

    >>> format_euro(1_500_000_000), format_euro(-1, decimals=None), format_euro(1, decimals=2)
    ('1.5', '-0.000000001', '0.00')
    """
    if decimals is not None and decimals < 9:
        unit = int(10 ** (9 - decimals))
        rounded = (abs(nano) + unit // 2) // unit * unit
        nano = rounded if nano >= 0 else -rounded
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO_PER_EURO)
    digits = f"{fraction:09d}"
    digits = digits.rstrip("0") if decimals is None else digits[:decimals]
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
