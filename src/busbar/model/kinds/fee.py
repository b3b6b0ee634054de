"""FeeSchedule: what the exchange takes, from a day, of whom. Next: `account.py`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.offer import Price

Percent = Annotated[
    str | int | float, Meta(description='Percent of what the consumer pays, such as "1.5".')
]


class FeeTier(Part):
    """A fee from a volume on."""

    above: Annotated[Price, Meta(description="Euro billed to the namespace in the month so far.")]
    percent: Percent


class FeeScheduleSpec(Part):
    """The fee of contracts made from a day on; a contract keeps the fee of its making."""

    percent: Percent
    from_: Annotated[str, Meta(description="First instant at which it holds (RFC 3339).")] = field(
        name="from"
    )
    until: Annotated[str | None, Meta(description="It holds no more from here on.")] = None
    namespaces: Annotated[list[str], Meta(description="Only these; all when empty.")] = []
    vendors: Annotated[list[str], Meta(description="Only these; all when empty.")] = []
    tiers: Annotated[
        list[FeeTier], Meta(max_length=20, description="Other fees above volumes, in rising order.")
    ] = []


FEE_SCHEDULE = OwnKind(
    kind="FeeSchedule",
    plural="feeschedules",
    singular="feeschedule",
    namespaced=False,
    spec=FeeScheduleSpec,
    status=None,
    columns=(
        PrinterColumn("Percent", ".spec.percent"),
        PrinterColumn("From", ".spec.from"),
        PrinterColumn("Until", ".spec.until"),
        PrinterColumn("Namespaces", ".spec.namespaces"),
        PrinterColumn("Vendors", ".spec.vendors"),
    ),
    description="The exchange's fee from a day on, by namespace, vendor and volume.",
)
