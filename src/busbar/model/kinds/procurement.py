"""Procurement: a standing order that keeps capacity for a namespace. Next: `account.py`.

What it buys are Contracts without a Pod (`spec.procurement` names it). Source of the terms:
docs/market.md, "Standing orders".
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.job import Restrictions
from busbar.model.kinds.offer import Price

UNITS_MAX = 100


class UnitShape(Part):
    """What one unit is: it lies on one node, as a Pod does."""

    cpu: Annotated[str | int | float, Meta(description="vCPUs, such as 2 or 500m.")] = "1"
    memory: Annotated[str | int, Meta(description="Bytes, such as 4Gi.")] = "4Gi"
    gpus: Annotated[int, Meta(ge=0, le=64, description="GPUs.")] = 0
    ephemeral_storage: Annotated[
        str | int, Meta(description="Bytes of ephemeral storage, such as 20Gi.")
    ] = 0


class ProcurementSpec(Part):
    """Keep so many units, for so long, below this price."""

    units: Annotated[
        Annotated[int, Meta(ge=1, le=UNITS_MAX)] | None,
        Meta(description="Units to keep in every hour; 1 where dtuPerHour is not stated either."),
    ] = None
    dtu_per_hour: Annotated[
        str | int | float | None,
        Meta(description="Instead of units: as many as draw this much on a reference node."),
    ] = field(default=None, name="dtuPerHour")
    resources: UnitShape = field(default_factory=UnitShape)
    max_euro_per_dtu: Annotated[
        Price | None, Meta(description="Hard cap on the price that is paid, in euro per DTU.")
    ] = field(default=None, name="maxEuroPerDTU")
    restrictions: Restrictions = field(default_factory=Restrictions)
    not_before: Annotated[
        str | None, Meta(description="Since when to keep it (RFC 3339); at once where missing.")
    ] = None
    term: Annotated[
        str | None, Meta(description="How long to keep it, such as 24h; for ever where missing.")
    ] = None
    horizon: Annotated[
        str, Meta(description="How far ahead to buy, in whole hours: 0h to 48h.")
    ] = "48h"
    block: Annotated[
        str, Meta(description="Buy this long a stretch at once on one node, in whole hours.")
    ] = "1h"
    sell_above: Annotated[
        Price | None,
        Meta(description="Sell what is held and not used at no less than this, euro per DTU."),
    ] = None


class ProcurementStatus(Part):
    """What it holds. Phases: Waiting, Filling, Held, Ended."""

    observed_generation: int = 0
    phase: str = "Waiting"
    reason: Annotated[str, Meta(description="Why something is missing: a market's reason.")] = ""
    message: str = ""
    units: Annotated[int, Meta(description="Units to be kept in every hour.")] = 0
    units_now: Annotated[int, Meta(description="Units held in the present hour.")] = 0
    unit_hours: Annotated[int, Meta(description="Unit hours held, the present one included.")] = 0
    missing: Annotated[int, Meta(description="Unit hours within the horizon still missing.")] = 0
    committed: Annotated[
        str, Meta(description="What the hours held and not yet over come to, in euro.")
    ] = "0"
    contracts: Annotated[int, Meta(description="Contracts that hold capacity for it.")] = 0
    funnel: Annotated[
        list[str], Meta(description="Why nodes were not eligible, one clause each.")
    ] = []
    tried_ms: Annotated[int, Meta(description="When the market was last asked.")] = 0


PROCUREMENT = OwnKind(
    kind="Procurement",
    plural="procurements",
    singular="procurement",
    namespaced=True,
    spec=ProcurementSpec,
    status=ProcurementStatus,
    columns=(
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Reason", ".status.reason"),
        PrinterColumn("Units", ".status.units", "integer"),
        PrinterColumn("Held Now", ".status.unitsNow", "integer"),
        PrinterColumn("Held Hours", ".status.unitHours", "integer"),
        PrinterColumn("Missing Hours", ".status.missing", "integer"),
        PrinterColumn("Committed €", ".status.committed"),
        PrinterColumn("Message", ".status.message", wide=True),
    ),
    short_names=("proc",),
    description="A standing order: keeps capacity for the namespace, below a price.",
)
