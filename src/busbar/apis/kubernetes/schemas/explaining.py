"""The compiled validator's complaints in the words of field errors.

Metadata is left out: `checks/metadata.py` has Kubernetes' own words for it. Next: `checks/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs

from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, required, unsupported
from busbar.apis.kubernetes.schemas.registry import Checks

_MAX = 50


def explain(checks: Checks, obj: dict[str, Any]) -> Iterator[FieldError]:
    """Give one field error for each complaint outside metadata."""
    for error in islice(checks.iter_errors(obj), _MAX):
        if error.instance_path[:1] != ["metadata"]:
            yield from _field_error(error)


def path_of(parts: Sequence[str | int]) -> str:
    """Write a path as Kubernetes does: `spec.containers[0].name`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _field_error(error: jsonschema_rs.ValidationError) -> Iterator[FieldError]:
    path, kind = path_of(error.instance_path), error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield required(f"{path}.{kind.property}" if path else str(kind.property))
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum):
        yield unsupported(path, error.instance, [str(one) for one in kind.options])
    else:
        yield invalid(path, error.instance, _sentence(kind, error.message))


def _sentence(kind: Any, message: str) -> str:
    """Say what would be right."""
    limit = getattr(kind, "limit", None)
    match kind.name:
        case "minLength":
            return f"must have at least {limit} characters"
        case "maxLength":
            return f"must have at most {limit} characters"
        case "minimum":
            return f"must be greater than or equal to {limit}"
        case "maximum":
            return f"must be less than or equal to {limit}"
        case "minItems":
            return f"must have at least {limit} items"
        case "maxItems":
            return f"must have at most {limit} items"
        case "pattern":
            return f"must match {kind.pattern}"
        case _:
            return message[:200]
