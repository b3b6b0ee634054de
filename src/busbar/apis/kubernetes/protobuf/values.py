"""Messages that JSON writes as something else: times, quantities, free-form JSON.

Source: the JSON forms of k8s.io/apimachinery's Time, MicroTime, Quantity, IntOrString, FieldsV1
and RawExtension. Next: `../schemas/reading.py`, which checks what came out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from busbar.apis.kubernetes.protobuf.wire import Broken, fields, signed
from busbar.model.time import format_instant, format_micro_time

_YEAR_ONE: Final = -62_135_596_800
_YEAR_9999: Final = 253_402_300_799


def _numbers(data: bytes) -> dict[int, int]:
    return {number: signed(v) for number, _, v in fields(data) if isinstance(v, int)}


def _texts(data: bytes) -> dict[int, str]:
    return {number: text(v) for number, _, v in fields(data) if isinstance(v, bytes)}


def text(value: bytes) -> str:
    """Read UTF-8; raises `Broken`."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Broken("a string is not UTF-8") from None


def _instant(data: bytes) -> int | None:
    """Give milliseconds since 1970; None for the zero time."""
    numbers = _numbers(data)
    seconds, nanos = numbers.get(1, 0), numbers.get(2, 0)
    if not seconds and not nanos:
        return None
    if not _YEAR_ONE <= seconds <= _YEAR_9999 or not 0 <= nanos < 10**9:
        raise Broken("a time is out of range")
    return seconds * 1000 + nanos // 1_000_000


def _time(data: bytes) -> Any:
    instant = _instant(data)
    return None if instant is None else format_instant(instant)


def _micro_time(data: bytes) -> Any:
    instant = _instant(data)
    return None if instant is None else format_micro_time(instant)


def _quantity(data: bytes) -> Any:
    return _texts(data).get(1, "0")


def _int_or_string(data: bytes) -> Any:
    return _texts(data).get(3, "") if _numbers(data).get(1, 0) else _numbers(data).get(2, 0)


def _json(data: bytes) -> Any:
    raw = next((v for number, _, v in fields(data) if number == 1 and isinstance(v, bytes)), b"")
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except ValueError:
        raise Broken("a raw part is not JSON") from None


def _extra(data: bytes) -> Any:
    return [text(v) for number, _, v in fields(data) if number == 1 and isinstance(v, bytes)]


SPECIAL: Final[dict[str, Callable[[bytes], Any]]] = {
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "meta.v1.FieldsV1": _json,
    "util.Quantity": _quantity,
    "util.IntOrString": _int_or_string,
    "runtime.RawExtension": _json,
    "authentication.v1.ExtraValue": _extra,
}
"""Readers of messages whose JSON is no object; None means "not set"."""
