"""Offer: a vendor's nodes for sale, with a price calendar. Next: `job.py`.

Source of the terms: docs/market.md, "Offers".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn

Price = Annotated[str | int | float, Meta(description='Euro per DTU, such as "0.035".')]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
ClockTime = Annotated[
    str,
    Meta(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
        description="HH:MM in the calendar's time zone; 24:00 is the day's end.",
    ),
]


class CalendarRule(Part):
    """Hours of some weekdays with a price of their own, or without capacity.

    `from` later than `until` runs over midnight into the next day. The first rule that holds wins.
    """

    weekdays: Annotated[list[Weekday], Meta(description="All days when left out.")] = []
    from_: ClockTime = field(default="00:00", name="from")
    until: ClockTime = "24:00"
    price_per_dtu: Price | None = field(default=None, name="pricePerDTU")
    available: bool = True


class CalendarException(Part):
    """A date (in the calendar's time zone) that differs from its weekday; wins over the rules."""

    date: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    from_: ClockTime = field(default="00:00", name="from")
    until: ClockTime = "24:00"
    price_per_dtu: Price | None = field(default=None, name="pricePerDTU")
    available: bool = True


class Calendar(Part):
    """When the capacity is there and at which price; outside every rule, the offer's price."""

    time_zone: Annotated[str, Meta(description="IANA name, such as Europe/Stockholm.")] = "UTC"
    rules: list[CalendarRule] = []
    exceptions: list[CalendarException] = []


PricePerGiB = Annotated[
    str | int | float, Meta(description='Euro per GiB, such as "0.01"; nothing where left out.')
]


class TransferPrices(Part):
    """Prices by where the other end is; of those that apply, the dearest counts."""

    same_region: PricePerGiB = "0"
    other_region: PricePerGiB = "0"
    other_vendor: Annotated[
        PricePerGiB, Meta(description="Where somebody else keeps the data, in whichever region.")
    ] = "0"


class Transfer(Part):
    """What the vendor asks for data that workloads read and write elsewhere."""

    ingress: Annotated[TransferPrices, Meta(description="For what comes in.")] = field(
        default_factory=TransferPrices
    )
    egress: Annotated[TransferPrices, Meta(description="For what goes out.")] = field(
        default_factory=TransferPrices
    )


class ConsumerLimit(Part):
    """The most that one namespace may have of the offer at any time; the least of these counts."""

    share: Annotated[
        str | int | float | None, Meta(description='Of all that its nodes have, such as "25%".')
    ] = None
    cpu: Annotated[str | int | float | None, Meta(description="vCPUs.")] = None
    memory: Annotated[str | int | None, Meta(description="Bytes, such as 64Gi.")] = None
    gpus: Annotated[int, Meta(ge=0, description="GPUs.")] | None = None
    ephemeral_storage: Annotated[
        str | int | None, Meta(description="Bytes of ephemeral storage, such as 200Gi.")
    ] = None


class OfferLimits(Part):
    """How much of the offer one consumer may take."""

    per_namespace: ConsumerLimit | None = None


class Refusals(Part):
    """What the vendor will not run; whatever one of these says is declined."""

    namespaces: Annotated[list[str], Meta(description="Names or patterns, such as test-*.")] = []
    images: Annotated[list[str], Meta(description="Names or patterns, such as docker.io/*.")] = []
    features: Annotated[
        list[Literal["Root", "Privileged", "AddedCapabilities", "SharedProcesses", "Gpu"]],
        Meta(description="What a workload may ask for beyond the ordinary."),
    ] = []
    longer_than: Annotated[
        str | None, Meta(description="Work that takes longer than this, such as 8h.")
    ] = None


class OfferSpec(Part):
    """What is offered: which nodes of the vendor, when and at which price."""

    vendor: Annotated[str, Meta(min_length=1, description="The Vendor that sells.")]
    price_per_dtu: Price = field(name="pricePerDTU")
    node_selector: Annotated[
        dict[str, str], Meta(description="Labels of the nodes sold; all of the vendor's if empty.")
    ] = {}
    calendar: Calendar | None = None
    attributes: Annotated[
        dict[str, str], Meta(description="Further properties, such as certifications.")
    ] = {}
    limits: Annotated[
        OfferLimits | None, Meta(description="How much of it one consumer may take.")
    ] = None
    refuses: Annotated[Refusals | None, Meta(description="What the vendor will not run.")] = None
    reclaim_notice: Annotated[str, Meta(description="Notice before capacity is taken back.")] = "0s"
    minimum_term: Annotated[str, Meta(description="Shortest contract, such as 10m.")] = "0s"
    transfer: Annotated[
        Transfer | None, Meta(description="Prices of moving data, per GiB; free if left out.")
    ] = None
    paused: Annotated[bool, Meta(description="Sell nothing new.")] = False


class OfferTerms(Part):
    """What an Offer stated about how its contracts go on, since it was first seen."""

    since_ms: int
    vendor: str = ""
    price_per_dtu: Price | None = field(default=None, name="pricePerDTU")
    calendar: dict[str, Any] | None = None
    longer_than: Annotated[str | None, Meta(description="As refuses.longerThan had it.")] = None


class OfferStatus(Part):
    """What the market sees of the offer now."""

    observed_generation: int = 0
    price_per_dtu: Annotated[str, Meta(description="Price of this hour, in euro per DTU.")] = field(
        default="", name="pricePerDTU"
    )
    available: bool = False
    nodes: int = 0
    regions: list[str] = []
    message: str = ""
    terms: Annotated[
        list[OfferTerms],
        Meta(description="Its latest terms: an edit counts for contracts after their notice."),
    ] = []


OFFER = OwnKind(
    kind="Offer",
    plural="offers",
    singular="offer",
    namespaced=False,
    spec=OfferSpec,
    status=OfferStatus,
    columns=(
        PrinterColumn("Vendor", ".spec.vendor"),
        PrinterColumn("€/DTU", ".status.pricePerDTU"),
        PrinterColumn("Available", ".status.available", "boolean"),
        PrinterColumn("Nodes", ".status.nodes", "integer"),
        PrinterColumn("Regions", ".status.regions", wide=True),
    ),
    description="Capacity of a vendor for sale: nodes, price calendar, terms.",
)
