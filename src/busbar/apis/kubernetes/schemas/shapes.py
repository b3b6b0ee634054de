"""Shapes: schemas compiled to what reading, patching and field ownership need, and no more.

A shape says what a value is (struct, map, list, leaf), how lists and maps merge, and which JSON
types a leaf takes. Shared and immutable once compiled; documents and descriptions are dropped.
Source of the extensions: structured-merge-diff and the strategic merge patch (x-kubernetes-…).
Next: `registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from busbar.apis.kubernetes.schemas.definitions import INT_OR_STRING, META, QUANTITY, REF

STRING: Final = "string"
INTEGER: Final = "integer"
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
OBJECT: Final = "object"
ARRAY: Final = "array"


class Kind(Enum):
    """What a value is, as far as walking and merging are concerned."""

    STRUCT = "struct"
    MAP = "map"
    LIST = "list"
    LEAF = "leaf"


class Shape:
    """A compiled schema.

    `name` is the definition, where there is one. For a STRUCT `fields` and `required`; for a MAP
    `items` (the values); for a LIST `items`, `keys` (list-type map), `is_set`; for a LEAF the JSON
    `types` it takes and its `format`. `atomic` values are owned and replaced as a whole.
    `merge_key` and `strategy` are those of the strategic merge patch.
    """

    __slots__ = (
        "atomic",
        "default",
        "fields",
        "format",
        "is_set",
        "items",
        "keys",
        "kind",
        "merge_key",
        "name",
        "required",
        "strategy",
        "types",
    )

    def __init__(self, kind: Kind, name: str = "") -> None:
        self.kind = kind
        self.name = name
        self.fields: dict[str, Shape] = {}
        self.required: tuple[str, ...] = ()
        self.items: Shape | None = None
        self.keys: tuple[str, ...] = ()
        self.is_set = False
        self.atomic = False
        self.types: tuple[str, ...] = ()
        self.format = ""
        self.merge_key = ""
        self.strategy: tuple[str, ...] = ()
        self.default: Any = None

    def field(self, name: str) -> Shape | None:
        """Give the shape of a struct's field or a map's value; None where it is unknown."""
        if self.kind is Kind.STRUCT:
            return self.fields.get(name)
        return self.items if self.kind is Kind.MAP else None

    def __repr__(self) -> str:
        return f"<Shape {self.kind.value} {self.name or '-'.join(self.types)}>"

    def copy(self) -> Shape:
        """Copy, to carry the extensions of one property."""
        other = Shape(self.kind, self.name)
        for slot in self.__slots__:
            setattr(other, slot, getattr(self, slot))
        return other


ANYTHING: Final = Shape(Kind.LEAF, "anything")
"""Takes every value and is atomic: schemaless parts, and the unknown."""
ANYTHING.atomic = True
ANYTHING.types = (STRING, NUMBER, INTEGER, BOOLEAN, OBJECT, ARRAY)


class Compiler:
    """Compiles definitions, each once; recursion among them is allowed."""

    def __init__(self, definitions: Mapping[str, dict[str, Any]]) -> None:
        self._definitions = definitions
        self._compiled: dict[str, Shape] = {}
        self._leaves: dict[tuple[object, ...], Shape] = {}

    def definition(self, name: str) -> Shape:
        """Give the shape of a definition; LookupError where there is none."""
        found = self._compiled.get(name)
        if found is not None:
            return found
        schema = self._definitions[name]
        if name in (QUANTITY, INT_OR_STRING):
            second = NUMBER if name == QUANTITY else INTEGER
            shape = self._leaf((STRING, second), "quantity" if name == QUANTITY else "")
        elif name == META + "FieldsV1" or not _is_struct(schema):
            shape = self._inline(schema)
        else:
            shape = self._compiled[name] = Shape(Kind.STRUCT, name)
            self._fill(shape, schema)
        self._compiled[name] = shape
        return shape

    def _fill(self, shape: Shape, schema: dict[str, Any]) -> None:
        shape.required = tuple(schema.get("required", ()))
        shape.atomic = schema.get("x-kubernetes-map-type") == "atomic"
        for field, sub in schema["properties"].items():
            shape.fields[field] = self._property(sub)

    def _property(self, schema: dict[str, Any]) -> Shape:
        ref = schema.get("$ref")
        shape = self.definition(ref[len(REF) :]) if ref else self._inline(schema)
        return _with_extensions(shape, schema)

    def _inline(self, schema: dict[str, Any]) -> Shape:
        kind = schema.get("type")
        if "oneOf" in schema:
            return self._union(schema["oneOf"])
        if kind == ARRAY:
            return self._list(schema)
        if kind == OBJECT:
            return self._object(schema)
        if isinstance(kind, str):
            types = (NUMBER, INTEGER) if kind == NUMBER else (kind,)
            return self._leaf(types, schema.get("format", ""))
        return ANYTHING

    def _object(self, schema: dict[str, Any]) -> Shape:
        if _is_struct(schema):
            shape = Shape(Kind.STRUCT)
            self._fill(shape, schema)
            return shape
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            return self._leaf((OBJECT,), "")
        shape = Shape(Kind.MAP)
        shape.items = self._property(values)
        return shape

    def _list(self, schema: dict[str, Any]) -> Shape:
        shape = Shape(Kind.LIST)
        shape.items = self._property(schema.get("items", {}))
        shape.atomic = True
        return shape

    def _union(self, members: list[dict[str, Any]]) -> Shape:
        """Give a leaf of several types: whatever is in it is replaced as a whole."""
        types = {t for member in members for t in self._inline(member).types}
        types |= {ARRAY for member in members if member.get("type") == ARRAY}
        return self._leaf(tuple(sorted(types)), "")

    def _leaf(self, types: tuple[str, ...], form: str) -> Shape:
        shape = self._leaves.get((types, form))
        if shape is None:
            shape = self._leaves[types, form] = Shape(Kind.LEAF)
            shape.types, shape.format, shape.atomic = types, form, True
        return shape


def _is_struct(schema: dict[str, Any]) -> bool:
    return "properties" in schema


def _with_extensions(shape: Shape, schema: dict[str, Any]) -> Shape:
    """Give the shape as one property has it: how it merges, and its default."""
    list_type = schema.get("x-kubernetes-list-type")
    map_type = schema.get("x-kubernetes-map-type")
    strategy = schema.get("x-kubernetes-patch-strategy")
    default = schema.get("default")
    if not (list_type or map_type or strategy or default):
        return shape
    shape = shape.copy()
    if list_type:
        shape.atomic = list_type == "atomic"
        shape.is_set = list_type == "set"
        keys = schema.get("x-kubernetes-list-map-keys", ())
        shape.keys = tuple(keys) if list_type == "map" else ()
    if map_type:
        shape.atomic = map_type == "atomic"
    if strategy:
        shape.strategy = tuple(strategy.split(","))
        shape.merge_key = schema.get("x-kubernetes-patch-merge-key", "")
    shape.default = default
    return shape
