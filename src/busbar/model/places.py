"""Places that a driver needs for the Pods it will make itself: how many, and of which size.

A Spark driver makes its executors once it runs; nobody knows them when it is matched. It says how
many there will be, and their places are bought with its own. Next: `gangs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from busbar.model import wellknown as wk
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.ids import derived_suffix
from busbar.model.objects import Object, annotations_of, name_of, uid_of
from busbar.model.units import UNIT_FIELDS, read_unit

PLACES_MAX = 100
"""Most places of a driver: as many units as a Procurement keeps."""
_FIELDS = ("count", *UNIT_FIELDS)
_STEM_MAX = 200


class Places(NamedTuple):
    """So many places, each of `unit`."""

    number: int
    unit: Resources


def places_of(pod: Object) -> Places | None:
    """Read the places that a Pod needs beside its own; None for most. Raises `InvalidField`."""
    text = annotations_of(pod).get(wk.ANN_GANG_PLACES)
    return None if text is None else read_places(text, _PATH)


_PATH = f"metadata.annotations[{wk.ANN_GANG_PLACES}]"


def read_places(value: object, path: str) -> Places:
    """Read places as the annotation states them, JSON in a string."""
    try:
        said = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        example = '{"count": 3, "cpu": "1", "memory": "2Gi"}'
        raise InvalidField(path, f"must be a JSON object such as {example}")
    return stated_places(said, path)


def stated_places(said: object, path: str) -> Places:
    """Read places that are stated field by field."""
    if not isinstance(said, Mapping):
        raise InvalidField(path, f"must be an object with {', '.join(_FIELDS)}")
    for field in said:
        if field not in _FIELDS:
            raise InvalidField(f"{path}.{field}", f"is not known; there are {', '.join(_FIELDS)}")
    count = said.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= PLACES_MAX:
        raise InvalidField(f"{path}.count", f"must be a whole number from 1 to {PLACES_MAX}")
    return Places(count, read_unit(said, path))


def places_name(pod: Object) -> str:
    """Give the name of the Procurement that keeps a driver's places: another for each driver."""
    return f"{name_of(pod)[:_STEM_MAX]}-{derived_suffix('places', uid_of(pod))}"
