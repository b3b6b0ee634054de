"""Sets of field paths, kept in the very form in which they are served: FieldsV1.

A set is a tree of dicts. Keys: `f:<field>`, `k:<keys of a list item as JSON>`, `v:<value of a set
item as JSON>`. An empty dict is a member without members below it; where there are some, the
key `.` says that the path itself is a member too. Sets share parts; nothing changes in place.
Source: sigs.k8s.io/structured-merge-diff (fieldpath). Next: `compare.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from busbar.apis.kubernetes.schemas.shapes import Kind, Shape

Fields = dict[str, Any]

MEMBER: Final[Fields] = {}
"""A path that is a member, with none below it."""
SELF: Final = "."
MAX_DEPTH: Final = 64


def fields_of(shape: Shape, value: Any) -> Fields:
    """Give the paths of everything in a value: leaves, items, and containers that are empty."""
    if shape.kind is Kind.LIST:
        return _fields_of_list(shape, value)
    if shape.atomic or not isinstance(value, dict) or not value:
        return MEMBER
    if shape.kind is Kind.STRUCT:
        shapes = shape.fields
        return {
            "f:" + name: MEMBER
            if (inner := shapes.get(name)) is None or inner.kind is Kind.LEAF
            else fields_of(inner, item)
            for name, item in value.items()
        }
    items = shape.items
    if items is None or items.kind is Kind.LEAF:
        return {"f:" + name: MEMBER for name in value}
    return {"f:" + name: with_self(fields_of(items, item)) for name, item in value.items()}


def _fields_of_list(shape: Shape, value: Any) -> Fields:
    if shape.atomic or not isinstance(value, list) or not value or shape.items is None:
        return MEMBER
    if shape.keys:
        items = shape.items
        return {element(shape, item): with_self(fields_of(items, item)) for item in value}
    return {element(shape, item): MEMBER for item in value}


def element(shape: Shape, item: Any) -> str:
    """Give what an item of a list is called in a path: its keys, or the value itself."""
    if not shape.keys:
        return "v:" + orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
    keys = {key: key_of(shape, item, key) for key in sorted(shape.keys)}
    return "k:" + orjson.dumps(keys).decode()


def key_of(shape: Shape, item: Any, key: str) -> Any:
    """Give a key of a list item, or the default that its schema has for it."""
    if isinstance(item, dict) and key in item:
        return item[key]
    field = shape.items.field(key) if shape.items is not None else None
    return field.default if field is not None else None


def with_self(fields: Fields) -> Fields:
    """Make the path itself a member."""
    return {SELF: MEMBER, **fields} if fields else MEMBER


def has_self(fields: Fields) -> bool:
    """Say whether the path itself is a member."""
    return not fields or SELF in fields


def union(one: Fields | None, other: Fields | None) -> Fields | None:
    """Give what is in either; None is the empty set."""
    if one is None or other is None or one is other:
        return other if one is None else one
    if not one or not other:
        return with_self(other or one)
    merged = dict(one)
    for key, below in other.items():
        merged[key] = union(merged[key], below) if key in merged else below
    return merged


def difference(one: Fields | None, other: Fields | None) -> Fields | None:
    """Give what is in the first and not in the second; None is the empty set."""
    if one is None or other is None:
        return one
    rest: Fields = {}
    for key, below in one.items():
        left = difference(below, other[key]) if key in other and key != SELF else below
        if left is not None and key != SELF:
            rest[key] = left
    return _joined(has_self(one) and not has_self(other), rest)


def intersection(one: Fields | None, other: Fields | None) -> Fields | None:
    """Give what is in both; None is the empty set."""
    if one is None or other is None:
        return None
    shared: Fields = {}
    for key, below in one.items():
        if key in other and key != SELF:
            both = intersection(below, other[key])
            if both is not None:
                shared[key] = both
    return _joined(has_self(one) and has_self(other), shared)


def _joined(itself: bool, below: Fields) -> Fields | None:
    if not itself:
        return below or None
    return with_self(below)


def paths(fields: Fields | None, prefix: str = "") -> Iterator[str]:
    """Give every member as kubectl shows it: `.spec.containers[name="a"].image`."""
    if fields is None:
        return
    if prefix and has_self(fields):
        yield prefix
    for key, below in sorted(fields.items()):
        if key != SELF:
            yield from paths(below, prefix + shown(key))


def shown(key: str) -> str:
    """Write an element of a path as kubectl shows it."""
    kind, rest = key[:2], key[2:]
    if kind == "f:":
        return f".{rest}"
    if kind == "k:":
        keys = orjson.loads(rest)
        return "[" + ",".join(f"{k}={orjson.dumps(v).decode()}" for k, v in keys.items()) + "]"
    return f"[={rest}]" if kind == "v:" else f"[{rest}]"


def parse(fields: Any, depth: int = MAX_DEPTH) -> Fields | None:
    """Check a FieldsV1 that a client wrote; None where it is not one."""
    if not isinstance(fields, dict) or depth == 0:
        return None
    for key, below in fields.items():
        if key != SELF and (key[:2] not in _KINDS or not _is_readable(key)):
            return None
        if parse(below, depth - 1) is None:
            return None
    return fields


_KINDS: Final = ("f:", "k:", "v:", "i:")


def _is_readable(key: str) -> bool:
    if key.startswith("f:"):
        return True
    try:
        value = orjson.loads(key[2:])
    except ValueError:
        return False
    return not key.startswith("k:") or isinstance(value, dict)
