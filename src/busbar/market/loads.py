"""Burdens of orders and rates of offers as JSON, for the published clearing (`publish.py`).

Both are left out where there are none: for most orders, and for vendors who move data for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busbar.market.burden import (
    FREE,
    NO_BURDEN,
    Burden,
    Data,
    Delay,
    Lost,
    Rates,
    Relations,
)

Json = dict[str, Any]


def rates_to_json(rates: Rates) -> Json:
    """Give what an offer asks for moving data, under its field; nothing where it is free."""
    if rates == FREE:
        return {}
    ways = zip(("ingressNano", "egressNano"), rates, strict=True)
    return {"rates": {way: list(relations) for way, relations in ways}}


def rates_from_json(value: Mapping[str, Any] | None) -> Rates:
    """Read what `rates_to_json` wrote."""
    if value is None:
        return FREE
    return Rates(Relations(*value["ingressNano"]), Relations(*value["egressNano"]))


def burden_to_json(burden: Burden) -> Json:
    """Give what weighs on an order, under its field; nothing for most orders."""
    if burden == NO_BURDEN:
        return {}
    found: Json = {
        "lost": [
            {"why": delay.value, "ms": ms, "spared": sorted(spared)}
            for delay, ms, spared in burden.lost
        ],
        "capNano": burden.cap_nano,
    }
    if burden.data is not None:
        region, keeper, read, write = burden.data
        places = {"region": region, "keeper": keeper}
        found["data"] = {**places, "readBytes": read, "writeBytes": write}
    return {"burden": found}


def burden_from_json(value: Mapping[str, Any] | None) -> Burden:
    """Read what `burden_to_json` wrote."""
    if value is None:
        return NO_BURDEN
    data = value.get("data")
    lost = (
        Lost(Delay(entry["why"]), entry["ms"], frozenset(entry["spared"]))
        for entry in value["lost"]
    )
    names = ("region", "keeper", "readBytes", "writeBytes")
    place = None if data is None else Data(*(data[name] for name in names))
    return Burden(place, tuple(lost), value["capNano"])
