"""What vendors hold back as JSON, for the published clearing (`publish.py`).

Left out where there is nothing of it: for most offers and most orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from busbar.market.dealings import NO_DEALINGS, Dealings, Holding
from busbar.model.choosiness import NO_LIMIT, Limit
from busbar.model.dtu import Resources

Json = dict[str, Any]

_LIMITS = ("sharePpm", "cpuMilli", "memoryBytes", "gpus", "ephemeralBytes")
_ALWAYS = 3
"""So many amounts are stated also where they are nothing: records had no more at first."""


def limit_to_json(limit: Limit) -> Json:
    """Give the most that one consumer may have of an offer, under its field."""
    if limit == NO_LIMIT:
        return {}
    stated = zip(_LIMITS, limit, strict=True)
    return {"limit": {name: value for name, value in stated if value is not None}}


def limit_from_json(value: Mapping[str, Any] | None) -> Limit:
    """Read what `limit_to_json` wrote."""
    return NO_LIMIT if value is None else Limit(*(value.get(name) for name in _LIMITS))


def dealings_to_json(dealings: Dealings) -> Json:
    """Give what an order is to vendors, under its field."""
    if dealings == NO_DEALINGS:
        return {}
    return {"dealings": {"consumer": dealings.consumer, "declined": list(dealings.declined)}}


def dealings_from_json(value: Mapping[str, Any] | None) -> Dealings:
    """Read what `dealings_to_json` wrote."""
    return NO_DEALINGS if value is None else Dealings(value["consumer"], tuple(value["declined"]))


def holdings_to_json(holdings: Iterable[Holding]) -> Json:
    """Give what consumers have of limited offers, under its field."""
    found = [holding_to_json(holding) for holding in holdings]
    return {"holdings": found} if found else {}


def holding_to_json(holding: Holding) -> Json:
    """Give what one consumer has of one limited offer."""
    offer, consumer, resources, start, end = holding
    return {
        "offer": offer,
        "consumer": consumer,
        **_amounts(resources),
        "startMs": start,
        "endMs": end,
    }


def holdings_from_json(entries: Iterable[Mapping[str, Any]]) -> list[Holding]:
    """Read what `holdings_to_json` wrote."""
    return [
        Holding(
            entry["offer"],
            entry["consumer"],
            Resources(*(entry.get(name, 0) for name in _LIMITS[1:])),
            entry["startMs"],
            entry["endMs"],
        )
        for entry in entries
    ]


def _amounts(resources: Resources) -> Json:
    named = enumerate(zip(_LIMITS[1:], resources, strict=True))
    return {name: amount for at, (name, amount) in named if amount or at < _ALWAYS}
