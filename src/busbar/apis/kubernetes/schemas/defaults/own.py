"""Defaults of the project's own kinds, from their schemas.

Only the spec, and only values that say something: an empty list or "" would be noise in every
manifest read back. A struct that the client left out stays out. Next: `../checks/`.
"""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes.schemas.shapes import Kind, Shape
from busbar.model.objects import Object


def default_own(shape: Shape, obj: Object) -> None:
    """Fill in the defaults of the schema, in place."""
    spec = shape.fields.get("spec")
    if spec is not None and isinstance(obj.get("spec"), dict):
        _fill(spec, obj["spec"])


def _fill(shape: Shape, value: Any) -> None:
    if shape.kind is Kind.STRUCT and isinstance(value, dict):
        for name, field in shape.fields.items():
            if name in value:
                _fill(field, value[name])
            elif field.default and not isinstance(field.default, dict | list):
                value[name] = field.default
    elif shape.kind is Kind.LIST and shape.items is not None and isinstance(value, list):
        for item in value:
            _fill(shape.items, item)
