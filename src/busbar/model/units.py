"""A size that somebody states field by field: of a driver's places, or of what is kept for later.

Both name the same four amounts; what is not stated is another for each. Next: `places.py`,
`standing_orders.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.quantities import milli, whole
from busbar.model.requests import MOST

UNIT_FIELDS = ("cpu", "memory", "gpus", "ephemeralStorage")
_NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})


def read_unit(
    stated: Mapping[str, Any], path: str, defaults: Mapping[str, Any] = _NO_DEFAULTS
) -> Resources:
    """Read a size; cpu and memory without a default must be stated. Raises `InvalidField`."""
    amounts = {**dict.fromkeys(UNIT_FIELDS, 0), **defaults, **stated}
    unit = Resources(
        milli(amounts["cpu"], f"{path}.cpu"),
        whole(amounts["memory"], f"{path}.memory"),
        whole(amounts["gpus"], f"{path}.gpus"),
        whole(amounts["ephemeralStorage"], f"{path}.ephemeralStorage"),
    )
    for field, amount in (("cpu", unit.cpu_milli), ("memory", unit.memory_bytes)):
        if amount <= 0:
            stated_too = "" if field in defaults else "stated, and "
            raise InvalidField(f"{path}.{field}", f"must be {stated_too}more than zero")
    if not unit.fits_in(MOST):
        raise InvalidField(path, "is more than any machine has")
    return unit
