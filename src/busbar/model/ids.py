"""Ids derived from what they are for, so that deciders need no randomness.

The same decision taken twice names the same object: a retry finds it instead of doubling it.
Next: `objects.py`.
"""

from __future__ import annotations

import hashlib
import uuid

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


def derived_uid(*parts: object) -> str:
    """Give a UUID that depends on nothing but its parts."""
    return str(uuid.UUID(bytes=_digest(parts)[:16], version=4))


def derived_suffix(*parts: object, length: int = 5) -> str:
    """Give a short name suffix in Kubernetes' alphabet that depends on nothing but its parts."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in _digest(parts)[:length])


def _digest(parts: tuple[object, ...]) -> bytes:
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).digest()
