"""ForwardCurve and PriceHistory: prices ahead and past, in public. Next: `advice.py`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class ForwardCurveStatus(Part):
    """What a zone asks in the present hour and each of the next 48, with what is free."""

    zone: str = ""
    updated: str = ""
    best_ask: Annotated[str, Meta(description="In the present hour, euro per DTU.")] = ""
    lowest_ask: Annotated[str, Meta(description="In the cheapest of the hours.")] = ""
    lowest_at: Annotated[str, Meta(description="When the cheapest hour begins.")] = ""
    slots: Annotated[
        list[dict[str, Any]],
        Meta(description="Per hour: start, bestAskNano, freeDTU, levels (price and free DTU)."),
    ] = []


class PriceHistoryStatus(Part):
    """What a zone's hours of one day were traded at; a row an hour of delivery."""

    zone: str = ""
    day: str = ""
    open: str = ""
    high: str = ""
    low: str = ""
    close: str = ""
    volume_dtu: str = field(default="", name="volumeDTU")
    rows: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Per hour: start, openNano, highNano, lowNano, closeNano, volumeMicro "
            "(micro-DTU), turnoverNano, trades."
        ),
    ] = []
    through_revision: Annotated[
        int, Meta(description="Every clearing up to this revision is counted.")
    ] = 0
    may_lack: Annotated[
        bool, Meta(description="Clearings may have been dropped before they were counted.")
    ] = False


FORWARD_CURVE = OwnKind(
    kind="ForwardCurve",
    plural="forwardcurves",
    singular="forwardcurve",
    namespaced=False,
    spec=None,
    status=ForwardCurveStatus,
    columns=(
        PrinterColumn("Now", ".status.bestAsk"),
        PrinterColumn("Lowest", ".status.lowestAsk"),
        PrinterColumn("At", ".status.lowestAt"),
        PrinterColumn("Updated", ".status.updated"),
    ),
    description="The asks of a zone over the next 48 hours.",
    read_only=True,
)

PRICE_HISTORY = OwnKind(
    kind="PriceHistory",
    plural="pricehistories",
    singular="pricehistory",
    namespaced=False,
    spec=None,
    status=PriceHistoryStatus,
    columns=(
        PrinterColumn("Zone", ".status.zone"),
        PrinterColumn("Day", ".status.day"),
        PrinterColumn("Open", ".status.open"),
        PrinterColumn("High", ".status.high"),
        PrinterColumn("Low", ".status.low"),
        PrinterColumn("Close", ".status.close"),
        PrinterColumn("DTU", ".status.volumeDTU"),
    ),
    description="Open, high, low, close and volume of a zone's hours of one day.",
    read_only=True,
)
