"""A Procurement's spec, read: how many units of which size, when, and in which pieces.

The door reads it to refuse what makes no sense, the market to buy. Next: `time.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from busbar.model.dtu import REFERENCE_RATING, Resources, draw_micro
from busbar.model.errors import InvalidField
from busbar.model.kinds.procurement import UNITS_MAX
from busbar.model.money import parse_euro
from busbar.model.quantities import milli
from busbar.model.time import DAY, HOUR, Instant, parse_duration, parse_instant
from busbar.model.units import read_unit

HORIZON_MAX = 2 * DAY
"""The slots that are traded."""
_UNIT = {"cpu": "1", "memory": "4Gi"}
"""One DTU an hour, where nothing is stated."""


class StandingOrder(NamedTuple):
    """Keep `units` of `unit` from `not_before` on for `term` ms (None: for ever).

    It is bought up to `horizon` ms ahead, in pieces of `block` ms that lie on one node.
    """

    units: int
    unit: Resources
    not_before: Instant | None = None
    term: int | None = None
    horizon: int = HORIZON_MAX
    block: int = HOUR
    sell_above: int | None = None


def read_standing_order(spec: Mapping[str, Any]) -> StandingOrder:
    """Read a Procurement's spec; InvalidField with the first thing wrong in it."""
    if spec.get("maxEuroPerDTU") is not None:
        parse_euro(spec["maxEuroPerDTU"], "spec.maxEuroPerDTU")
    unit = read_unit(spec.get("resources") or {}, "spec.resources", _UNIT)
    horizon = _hours(spec.get("horizon", "48h"), "spec.horizon")
    if horizon > HORIZON_MAX:
        raise InvalidField("spec.horizon", "must be at most 48h: no later hours are traded")
    block = _hours(spec.get("block", "1h"), "spec.block")
    if not HOUR <= block <= max(horizon, HOUR):
        raise InvalidField("spec.block", "must be at least 1h and no longer than spec.horizon")
    begins, term = _not_before(spec), _term(spec, block)
    units, ask = _units(spec, unit), _sell_above(spec)
    return StandingOrder(units, unit, begins, term, horizon, block, ask)


def _sell_above(spec: Mapping[str, Any]) -> int | None:
    value = spec.get("sellAbove")
    return None if value is None else parse_euro(value, "spec.sellAbove")


def _units(spec: Mapping[str, Any], unit: Resources) -> int:
    units, work = spec.get("units"), spec.get("dtuPerHour")
    if units is not None and work is not None:
        raise InvalidField("spec.dtuPerHour", "goes without spec.units: state one of the two")
    if work is None:
        return 1 if units is None else int(units)
    if unit.gpus:
        raise InvalidField(
            "spec.dtuPerHour",
            "goes without spec.resources.gpus, whose draw depends on the class: state spec.units",
        )
    drawn = milli(work, "spec.dtuPerHour") * 1000
    if drawn <= 0:
        raise InvalidField("spec.dtuPerHour", "must be more than zero")
    found = -(-drawn // draw_micro(unit, REFERENCE_RATING))
    if found > UNITS_MAX:
        message = f"is {found} units of this size; at most {UNITS_MAX} may be kept: enlarge one"
        raise InvalidField("spec.dtuPerHour", message)
    return found


def _hours(value: object, path: str) -> int:
    found = parse_duration(value, path)
    if found % HOUR:
        raise InvalidField(path, "must be whole hours, such as 4h: capacity is sold by the hour")
    return found


def _not_before(spec: Mapping[str, Any]) -> Instant | None:
    value = spec.get("notBefore")
    return None if value is None else parse_instant(value, "spec.notBefore")


def _term(spec: Mapping[str, Any], block: int) -> int | None:
    if spec.get("term") is None:
        return None
    term = _hours(spec["term"], "spec.term")
    if term < block:
        raise InvalidField("spec.term", "must be at least spec.block")
    return term
