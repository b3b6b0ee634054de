"""The project's own kinds, by the columns they state. Next: `tables.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from busbar.apis.kubernetes.printing.columns import AGE, NAME, Column, Printer, age
from busbar.model.kinds import OWN_KINDS, OWN_REVIEWS, OwnKind
from busbar.model.objects import Object, name_of
from busbar.model.time import Instant


def printer(own: OwnKind) -> Printer:
    """Give how an own kind is printed: its name, its columns, its age."""
    stated = tuple(
        Column(column.name, column.type, 1 if column.wide else 0) for column in own.columns
    )
    readers = tuple(_reader(column.path, column.type) for column in own.columns)

    def cells(obj: Object, now: Instant) -> list[Any]:
        return [name_of(obj), *(read(obj) for read in readers), age(obj, now)]

    return Printer((NAME, *stated, AGE), cells)


def _reader(path: str, kind: str) -> Callable[[Object], Any]:
    """Read a simple JSONPath: `.status.phase`, `.status.orders[0]`; what is not there is null."""
    steps = tuple(path.strip(".").replace("[", ".").replace("]", "").split("."))

    def read(obj: Object) -> Any:
        value: Any = obj
        for step in steps:
            if isinstance(value, list):
                value = value[int(step)] if int(step) < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value if value is None or kind != "string" else _text(value)

    return read


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(one) for one in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={_text(one)}" for key, one in sorted(value.items()))
    return str(value)


PRINTERS: dict[tuple[str, str], Printer] = {
    (own.group, own.plural): printer(own) for own in (*OWN_KINDS, *OWN_REVIEWS)
}
