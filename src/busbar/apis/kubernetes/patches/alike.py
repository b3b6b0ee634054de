"""Pods made alike: a spec that came before, byte for byte, is not read and filled in again.

Whoever sends many Pods sends few templates: the Pods of a job differ in their names. What follows
from a spec alone (that the schema and the checks take it, its defaults, who owns its fields) is
remembered by its bytes, and the Pods share one object for it. Objects are never changed in place,
so nobody notices. Next: `writes.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, NamedTuple

import orjson

from busbar.apis.kubernetes.patches.fields import Fields
from busbar.model.objects import Object

KEPT: Final = 256
BYTES_MAX: Final = 8 * 1024
"""The largest spec that is remembered: together they stay below a few megabytes."""


class Alike(NamedTuple):
    """What a Pod's spec became: with its defaults, its status at the start, its owned fields."""

    spec: dict[str, Any]
    status: dict[str, Any]
    fields: Fields


class Templates:
    """The specs seen last, by their bytes."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Alike] = OrderedDict()

    def key(self, body: Any) -> bytes | None:
        """Give the bytes of a Pod's spec as it was sent; None where it is none, or too large."""
        spec = body.get("spec") if isinstance(body, dict) else None
        if not isinstance(spec, dict):
            return None
        try:
            found = orjson.dumps(spec)
        except orjson.JSONEncodeError:
            return None
        return found if len(found) <= BYTES_MAX else None

    def find(self, key: bytes) -> Alike | None:
        """Give what such a spec became."""
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def remember(self, key: bytes, obj: Object, fields: Fields) -> None:
        """Remember what a spec became in a Pod that nothing was wrong with."""
        self._known[key] = Alike(obj["spec"], obj["status"], fields)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
