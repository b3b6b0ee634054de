"""What a table is made of: columns, and a function from an object to its cells. Next: `pods.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.objects import Object, metadata
from busbar.model.time import Instant, parse_instant

UNKNOWN = "<unknown>"
NONE = "<none>"


class Column(NamedTuple):
    """A column; priority 1 is shown with `-o wide` alone."""

    name: str
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""

    def definition(self) -> dict[str, Any]:
        """Write it as a TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or self.name,
            "priority": self.priority,
        }


NAME = Column("Name", format="name", description="Name of the object, unique in its namespace.")
AGE = Column("Age", description="Time since the object was created.")


class Printer(NamedTuple):
    """How a kind is printed."""

    columns: tuple[Column, ...]
    cells: Callable[[Object, Instant], list[Any]]


def since(text: object, now: Instant) -> str:
    """Give how long ago a timestamp is, as kubectl writes it."""
    if not text:
        return UNKNOWN
    try:
        return human_duration(now - parse_instant(text, ""))
    except InvalidField:
        return UNKNOWN


def age(obj: Object, now: Instant) -> str:
    """Give the age of an object."""
    return since(metadata(obj).get("creationTimestamp"), now)


def human_duration(ms: int) -> str:
    """Write a duration with two units at most. Source: apimachinery's duration.HumanDuration."""
    seconds = ms // 1000
    if seconds < -1:
        return "<invalid>"
    seconds = max(0, seconds)
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(large: int, unit: str, small: int, part: str) -> str:
    return f"{large}{unit}{small}{part}" if small else f"{large}{unit}"
