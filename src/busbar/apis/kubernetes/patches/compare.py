"""What differs between two states of an object, as sets of field paths.

Unchanged parts are passed over at the speed of `==`, so the cost follows the size of the change.
Source: structured-merge-diff (typed.Compare). Next: `ownership.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.apis.kubernetes.patches.fields import (
    MEMBER,
    Fields,
    element,
    fields_of,
    union,
    with_self,
)
from busbar.apis.kubernetes.schemas.shapes import ANYTHING, Kind, Shape


class Comparison(NamedTuple):
    """Paths that came, changed their value, and went; None where there are none."""

    added: Fields | None
    modified: Fields | None
    removed: Fields | None

    def written(self) -> Fields | None:
        """Give what the newer state set: came or changed."""
        return union(self.added, self.modified)

    def is_empty(self) -> bool:
        """Say whether nothing differs."""
        return self.added is None and self.modified is None and self.removed is None


NOTHING = Comparison(None, None, None)


def compare(shape: Shape, before: Any, after: Any) -> Comparison:
    """Compare two values of one shape."""
    if before is after or before == after:
        return NOTHING
    if shape.kind is not Kind.LEAF and not shape.atomic:
        if isinstance(before, list) and isinstance(after, list):
            return _compare_lists(shape, before, after)
        if isinstance(before, dict) and isinstance(after, dict):
            return _compare_dicts(shape, before, after)
    return Comparison(None, MEMBER, None)


def _compare_dicts(shape: Shape, before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    found = _Found()
    member = shape.kind is Kind.MAP
    for name, new in after.items():
        inner = shape.field(name) or ANYTHING
        if name in before:
            found.changed("f:" + name, compare(inner, before[name], new))
        else:
            added = fields_of(inner, new)
            found.added["f:" + name] = with_self(added) if member else added
    for name, old in before.items():
        if name not in after:
            gone = fields_of(shape.field(name) or ANYTHING, old)
            found.removed["f:" + name] = with_self(gone) if member else gone
    return found.result()


def _compare_lists(shape: Shape, before: list[Any], after: list[Any]) -> Comparison:
    found = _Found()
    items = shape.items or ANYTHING
    old = {element(shape, item): item for item in before}
    new = {element(shape, item): item for item in after}
    for key, item in new.items():
        if key in old:
            found.changed(key, compare(items, old[key], item))
        else:
            found.added[key] = with_self(fields_of(items, item))
    for key, item in old.items():
        if key not in new:
            found.removed[key] = with_self(fields_of(items, item))
    return found.result()


class _Found:
    """Collects the differences of the children of one value."""

    def __init__(self) -> None:
        self.added: Fields = {}
        self.modified: Fields = {}
        self.removed: Fields = {}

    def changed(self, key: str, below: Comparison) -> None:
        if below.added is not None:
            self.added[key] = below.added
        if below.modified is not None:
            self.modified[key] = below.modified
        if below.removed is not None:
            self.removed[key] = below.removed

    def result(self) -> Comparison:
        return Comparison(self.added or None, self.modified or None, self.removed or None)
