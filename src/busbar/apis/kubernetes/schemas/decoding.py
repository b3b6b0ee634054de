"""Reading an object against its shape: the slow path that explains, and tidies as it goes.

As the API server's decoder does: nulls are dropped, unknown fields are dropped and named,
quantities become strings. Works on a copy; bounded by the schema's depth. Next: `checks/`.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, required, shown
from busbar.apis.kubernetes.schemas.shapes import (
    ARRAY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    Kind,
    Shape,
)

MAX_DEPTH: Final = 64
"""How deep schemaless parts may nest."""
MAX_FOUND: Final = 50
_INT_LIMITS: Final = {"int32": 2**31, "": 2**63, "int64": 2**63}
_NAMES: Final = {
    STRING: "a string",
    INTEGER: "an integer",
    NUMBER: "a number",
    BOOLEAN: "true or false",
    OBJECT: "an object",
    ARRAY: "an array",
}


class Decoded(NamedTuple):
    """The tidied object, the paths of unknown fields, and what has the wrong type or form."""

    obj: dict[str, Any]
    unknown: tuple[str, ...]
    mistakes: tuple[FieldError, ...]


def decode(shape: Shape, obj: dict[str, Any]) -> Decoded:
    """Read an object; the result shares only leaves with it."""
    reader = _Reader()
    tidy = reader.struct(shape, obj, "")
    return Decoded(tidy, tuple(reader.unknown), tuple(reader.mistakes))


def json_type(value: object) -> str:
    """Give the JSON type of a value."""
    if isinstance(value, bool):
        return BOOLEAN
    for kind, name in ((str, STRING), (int, INTEGER), (float, NUMBER), (dict, OBJECT)):
        if isinstance(value, kind):
            return name
    return ARRAY if isinstance(value, list) else "null"


class _Reader:
    """Collects what is wrong on the way through one object."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.mistakes: list[FieldError] = []

    def value(self, shape: Shape, value: Any, path: str) -> Any:
        if shape.kind is Kind.STRUCT or shape.kind is Kind.MAP:
            if not isinstance(value, dict):
                return self._wrong_type(path, (OBJECT,), value)
            if shape.kind is Kind.STRUCT:
                return self.struct(shape, value, path)
            return self._map(shape, value, path)
        if shape.kind is Kind.LIST:
            if not isinstance(value, list):
                return self._wrong_type(path, (ARRAY,), value)
            return self._list(shape, value, path)
        return self._leaf(shape, value, path)

    def struct(self, shape: Shape, value: dict[str, Any], path: str) -> dict[str, Any]:
        tidy: dict[str, Any] = {}
        prefix = f"{path}." if path else ""
        for name, inner in value.items():
            field = shape.fields.get(name)
            if field is None:
                self._unknown(prefix + name)
            elif inner is not None:
                tidy[name] = self.value(field, inner, prefix + name)
        return tidy

    def _map(self, shape: Shape, value: dict[str, Any], path: str) -> dict[str, Any]:
        items = shape.items
        assert items is not None, "a map has a shape for its values"
        empty = "" if STRING in items.types else None
        tidy: dict[str, Any] = {}
        for key, inner in value.items():
            if inner is not None:
                tidy[key] = self.value(items, inner, f"{path}.{key}" if path else key)
            elif empty is not None:
                tidy[key] = empty
        return tidy

    def _list(self, shape: Shape, value: list[Any], path: str) -> list[Any]:
        assert shape.items is not None, "a list has a shape for its items"
        tidy = []
        for index, inner in enumerate(value):
            at = f"{path}[{index}]"
            if inner is None:
                self._mistake(required(at, "must not be null"))
            else:
                tidy.append(self.value(shape.items, inner, at))
        return tidy

    def _leaf(self, shape: Shape, value: Any, path: str) -> Any:
        kind = json_type(value)
        if kind not in shape.types and not (kind == INTEGER and NUMBER in shape.types):
            return self._wrong_type(path, shape.types, value)
        if kind in (OBJECT, ARRAY):
            if is_deeper_than(value, MAX_DEPTH):
                self._mistake(FieldError(path, f"must not nest deeper than {MAX_DEPTH} levels"))
            return value
        if kind == INTEGER:
            self._integer(shape, value, path)
        elif kind == NUMBER and not isfinite(value):
            self._mistake(FieldError(path, "Invalid value: must be a finite number"))
        return self._formatted(shape, value, path)

    def _integer(self, shape: Shape, value: int, path: str) -> None:
        limit = _INT_LIMITS.get(shape.format, 2**63)
        if not -limit <= value < limit:
            self._mistake(invalid(path, value, f"must fit in {shape.format or 'int64'}"))

    def _formatted(self, shape: Shape, value: Any, path: str) -> Any:
        if shape.format == "quantity":
            if not names.is_quantity(value):
                self._mistake(invalid(path, value, 'must be a quantity such as "500m" or "4Gi"'))
                return value
            return str(value)
        if shape.format == "date-time" and not names.is_time(value):
            self._mistake(invalid(path, value, "must be a time such as 2027-03-25T08:25:58Z"))
        if shape.format == "byte" and not names.is_base64(value):
            self._mistake(FieldError(path, "Invalid value: must be base64 (standard alphabet)"))
        return value

    def _wrong_type(self, path: str, types: tuple[str, ...], value: Any) -> Any:
        wanted = " or ".join(_NAMES[kind] for kind in types)
        got = json_type(value)
        text = f"Invalid value: {shown(value)}: must be {wanted}, not {_NAMES.get(got, got)}"
        self._mistake(FieldError(path, text, "FieldValueTypeInvalid"))
        return value

    def _mistake(self, error: FieldError) -> None:
        if len(self.mistakes) < MAX_FOUND:
            self.mistakes.append(error)

    def _unknown(self, path: str) -> None:
        if len(self.unknown) < MAX_FOUND:
            self.unknown.append(path[:256])


def is_deeper_than(value: Any, limit: int) -> bool:
    """Say whether a JSON value nests deeper than a limit."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
