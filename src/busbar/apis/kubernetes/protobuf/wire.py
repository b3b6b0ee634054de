"""The protobuf wire format: fields of a message, one after the other.

Source: protobuf.dev, "Encoding". Groups and what is cut off are refused. Next: `messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
_MAX_FIELD: Final = 2**29 - 1


class Broken(ValueError):
    """The bytes are no message; `str()` is the sentence."""


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Give (field number, wire type, value) for each field; raises `Broken`."""
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _MAX_FIELD:
            raise Broken("a field has no valid number")
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, kind, value
            continue
        if kind == LENGTH:
            size, at = varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise Broken("a field has an unknown wire type")
        if size > end - at:
            raise Broken("the message is cut off")
        yield number, kind, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read an unsigned varint of at most ten bytes; give it and where it ends."""
    result = shift = 0
    while True:
        if at >= len(data):
            raise Broken("the message is cut off")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift >= 70:
            raise Broken("a number is too long")


def signed(value: int) -> int:
    """Read a varint as int64 (int32 is sent sign-extended)."""
    return value - 2**64 if value >= 2**63 else value


def packed(data: bytes) -> Iterator[int]:
    """Give the varints of a packed repeated field."""
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value
