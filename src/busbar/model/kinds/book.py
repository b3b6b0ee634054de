"""Book and Clearing: the market in public. Next: `prices.py`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class BookStatus(Part):
    """What is offered and asked for in a zone now; named after the zone."""

    zone: str = ""
    updated: str = ""
    asks: Annotated[
        list[dict[str, Any]],
        Meta(description="Per offer: offer, version, vendor, priceNano, nodes, free capacity."),
    ] = []
    bids: Annotated[list[dict[str, Any]], Meta(description="Orders not yet matched.")] = []
    best_ask: str = ""
    last_price: Annotated[str, Meta(description="Of the latest clearing, euro per DTU.")] = ""
    free_dtu: Annotated[str, Meta(description="DTU per hour still free.")] = field(
        default="", name="freeDTU"
    )


class ClearingStatus(Part):
    """One batch: its inputs, rule and outcome, enough to compute it again."""

    at_ms: int = 0
    seed: Annotated[int, Meta(description="Breaks ties.")] = 0
    rule: str = ""
    supply: list[dict[str, Any]] = []
    commitments: Annotated[
        list[dict[str, Any]], Meta(description="What open contracts occupied.")
    ] = []
    companions: Annotated[
        list[dict[str, Any]],
        Meta(description="Who runs where already, by the groups that orders keep to or from."),
    ] = []
    holdings: Annotated[
        list[dict[str, Any]],
        Meta(description="What consumers have of offers that are limited, under opaque names."),
    ] = []
    vendors: list[str] = []
    orders: list[dict[str, Any]] = []
    matches: list[dict[str, Any]] = []
    refusals: list[dict[str, Any]] = []
    omitted: Annotated[
        bool, Meta(description="Book and orders are too many for here; they are in the record.")
    ] = False
    digest: Annotated[
        str, Meta(description="SHA-256 of the clearing's record (/market/v1/records/NAME).")
    ] = ""
    previous: Annotated[
        str, Meta(description="Digest of the record before; empty where a chain of them begins.")
    ] = ""
    matched: int = 0
    unmatched: int = 0
    prices: Annotated[dict[str, str], Meta(description="Zone to price, euro per DTU.")] = field(
        default_factory=dict
    )


BOOK = OwnKind(
    kind="Book",
    plural="books",
    singular="book",
    namespaced=False,
    spec=None,
    status=BookStatus,
    columns=(
        PrinterColumn("Best Ask", ".status.bestAsk"),
        PrinterColumn("Last", ".status.lastPrice"),
        PrinterColumn("Free DTU/h", ".status.freeDTU"),
        PrinterColumn("Updated", ".status.updated"),
    ),
    description="The published order book of a zone.",
    read_only=True,
)

CLEARING = OwnKind(
    kind="Clearing",
    plural="clearings",
    singular="clearing",
    namespaced=False,
    spec=None,
    status=ClearingStatus,
    columns=(
        PrinterColumn("Matched", ".status.matched", "integer"),
        PrinterColumn("Unmatched", ".status.unmatched", "integer"),
        PrinterColumn("Prices", ".status.prices"),
    ),
    description="A cleared batch: book, rule and outcome, recomputable by anyone.",
    read_only=True,
)
