"""Ids derived from what they are for, so that deciders need no randomness.

The same decision taken twice names the same object: a retry finds it instead of doubling it.
Next: `objects.py`.
"""

from __future__ import annotations

import hashlib

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


def derived_uid(*parts: object) -> str:
    """Give a UUID that depends on nothing but its parts."""
    return uuid_text(_digest(parts)[:16].hex())


def uuid_text(digits: str) -> str:
    """Write 32 hexadecimal digits as a UUID of version 4 (RFC 9562), ten times as fast as `uuid`.

    Six of the 128 bits say what it is.
    """
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def derived_suffix(*parts: object, length: int = 5) -> str:
    """Give a short name suffix in Kubernetes' alphabet that depends on nothing but its parts."""
    return _digest(parts)[:length].translate(_LETTERS).decode()


_LETTERS = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256)).encode()
"""The letter that a byte of a digest becomes."""


def _digest(parts: tuple[object, ...]) -> bytes:
    text = "\x1f".join(map(str, parts))
    return hashlib.sha256(text.encode()).digest()
