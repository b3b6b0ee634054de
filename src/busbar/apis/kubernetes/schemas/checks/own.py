"""The project's own kinds: prices, times, durations and quantities, wherever they stand.

What a field means is told by its name, the same in all own kinds. Next: `../../patches/writes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from busbar.apis.kubernetes.schemas.refusals import FieldError, shown
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import Object, spec_of
from busbar.model.quantities import parse_quantity
from busbar.model.resources import Resource
from busbar.model.time import parse_duration, parse_instant

_READERS: Final[dict[str, Callable[[object, str], object]]] = {
    "maxEuroPerDTU": parse_euro,
    "pricePerDTU": parse_euro,
    "budget": parse_euro,
    "notAfter": parse_instant,
    "expectedDuration": parse_duration,
    "reclaimNotice": parse_duration,
    "minimumTerm": parse_duration,
    "cpu": parse_quantity,
    "memory": parse_quantity,
}
_OPAQUE: Final = ("env", "attributes", "nodeSelector")
"""Maps whose keys are the user's own words."""


def check_own(_resource: Resource, obj: Object, _old: Object | None) -> list[FieldError]:
    """Read every value that has a reader in the model; its refusals are the field errors."""
    return list(_walk(spec_of(obj), "spec"))


def _walk(node: Any, path: str) -> Iterator[FieldError]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(item, f"{path}[{index}]")
    elif isinstance(node, dict):
        for name, value in node.items():
            at = f"{path}.{name}"
            reader = _READERS.get(name)
            if reader is not None:
                yield from _try(reader, value, at)
            elif name not in _OPAQUE:
                yield from _walk(value, at)


def _try(reader: Callable[[object, str], object], value: object, at: str) -> Iterator[FieldError]:
    try:
        reader(value, at)
    except InvalidField as wrong:
        yield FieldError(wrong.path, f"Invalid value: {shown(value)}: {wrong.message}")
