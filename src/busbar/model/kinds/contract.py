"""Contract: a match, with the price it was made at. Next: `procurement.py`.

Phases: Reserved (for a later slot), Bound (the workload may start), Running, Closed. One that keeps
capacity without a workload, for a Procurement, is Reserved, then Held until it is Closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from busbar.model.dtu import Resources
from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.offer import OfferTerms
from busbar.model.kinds.weighed import ContractWeighed


class ContractSlot(Part):
    """A reserved interval [startMs, endMs) inside one hour, with its price snapshot."""

    start_ms: int
    end_ms: int
    price_nano: Annotated[int, Meta(description="Nano-euro per DTU.")]
    reserved: Annotated[
        bool, Meta(description="In room that is held: of one's own it costs nothing more.")
    ] = False


class ContractTransfer(Part):
    """What moving data was agreed to cost, and how much was expected to move."""

    region: Annotated[str, Meta(description="Where the data is kept.")] = ""
    stored_by: Annotated[str, Meta(description="The vendor who keeps it; empty: none.")] = ""
    read_nano: Annotated[int, Meta(description="Nano-euro per GiB read.")] = 0
    write_nano: Annotated[int, Meta(description="Nano-euro per GiB written.")] = 0
    read_bytes: Annotated[int, Meta(description="Expected to be read.")] = 0
    write_bytes: Annotated[int, Meta(description="Expected to be written.")] = 0
    max_nano: Annotated[
        int | None, Meta(description="The consumer's cap on it: maxEgressEuro, in nano-euro.")
    ] = None


class TransferStatus(Part):
    """What moved, as the S3 door counted it, and what of it was billed."""

    read_bytes: int = 0
    written_bytes: int = 0
    read_billed_bytes: int = 0
    written_billed_bytes: int = 0
    held_nano: Annotated[int, Meta(description="Still held for it, within heldNano.")] = 0
    billed_nano: Annotated[int, Meta(description="Billed for it, within billedNano.")] = 0


class ContractSpec(Part):
    """Who delivers what to whom, when and at which price. Only slots are ever added to."""

    order: Annotated[dict[str, str], Meta(description="The Pod or Procurement: name, uid, owner.")]
    vendor: str
    offer: str
    offer_version: Annotated[int, Meta(description="The offer's generation at the match.")]
    node: str
    zone: str
    draw_micro: Annotated[int, Meta(description="Micro-DTU per hour.")]
    cpu_milli: int
    memory_bytes: int
    gpus: int = 0
    ephemeral_bytes: Annotated[int, Meta(description="Ephemeral storage.")] = 0
    cap_nano: Annotated[int, Meta(description="The consumer's cap, nano-euro per DTU.")] = 0
    epoch: Annotated[int, Meta(description="Fencing token: increases with each match.")] = 1
    slots: list[ContractSlot] = []
    not_after_ms: int | None = None
    fee_ppm: Annotated[
        int | None, Meta(description="The exchange's fee, in millionths of what is billed.")
    ] = None
    fee_schedule: Annotated[
        str, Meta(description="The FeeSchedule it follows, NAME/GENERATION; empty: the default.")
    ] = ""
    reclaim_notice_ms: Annotated[
        int, Meta(description="Notice of the vendor before it takes sold capacity back; 0: never.")
    ] = 0
    reserved_at_ms: Annotated[
        int | None,
        Meta(description="When it was reserved for a later slot; null: it began at once."),
    ] = None
    minimum_term_ms: Annotated[int, Meta(description="It is not taken back before this.")] = 0
    agreed: Annotated[
        OfferTerms | None,
        Meta(description="What the offer stated at the match; it binds for the notice."),
    ] = None
    transfer: Annotated[
        ContractTransfer | None,
        Meta(description="Terms for data; none: it moves for nothing."),
    ] = None
    weighed: Annotated[
        ContractWeighed | None,
        Meta(description="What counted beside the price when it was made; never billed."),
    ] = None
    clearing: Annotated[str, Meta(description="The clearing that made it.")] = ""
    fixed_term_ms: Annotated[
        int, Meta(description="For how long it is renewed at one time, at prices then fixed.")
    ] = 0
    gang: Annotated[str, Meta(description="The gang that it starts with, by an opaque name.")] = ""
    plan: Annotated[str, Meta(description="Work in pieces: the same for all its contracts.")] = ""
    piece: Annotated[int, Meta(description="Which piece of the work, from 1.")] = 0
    pieces: Annotated[int, Meta(description="Of how many; the last may go on beyond its end.")] = 0
    gang_members: Annotated[int, Meta(description="How many of it the clearing matched.")] = 0
    procurement: Annotated[
        str, Meta(description="The Procurement that it keeps capacity for; it has no Pod.")
    ] = ""
    reservation: Annotated[
        str, Meta(description="The Procurement whose held capacity the Pod draws on.")
    ] = ""
    pool: Annotated[
        str, Meta(description="The held room that it is or is in, by an opaque name.")
    ] = ""
    seller: Annotated[
        str, Meta(description="Who sold the held room that it is in, by an opaque name.")
    ] = ""


class Outage(Part):
    """An interval [fromMs, untilMs) in which held capacity was not there; untilMs null: still."""

    from_ms: int
    until_ms: int | None = None


class ContractStatus(Part):
    """What was delivered and billed."""

    phase: str = "Bound"
    reason: str = ""
    message: str = ""
    starts: Annotated[str, Meta(description="Start of the reserved term (RFC 3339).")] = ""
    ends: Annotated[
        str, Meta(description="End of the reserved term so far; of what ran and closed, its end.")
    ] = ""
    started_ms: int | None = None
    finished_ms: int | None = None
    settled_until_ms: int | None = None
    reclaim_by: Annotated[
        str, Meta(description="What the vendor takes back: Node, Offer, Pod; empty: nothing.")
    ] = ""
    reclaim_at_ms: Annotated[
        int | None, Meta(description="When the vendor takes its capacity back.")
    ] = None
    notice_until_ms: Annotated[
        int | None, Meta(description="Until when the notice agreed binds the vendor.")
    ] = None
    outages: Annotated[
        list[Outage], Meta(description="Of capacity held: when it was not there.")
    ] = []
    held_nano: int = 0
    billed_nano: int = 0
    billed_by_month: Annotated[
        dict[str, int], Meta(description="Billed per calendar month (UTC), for the budget.")
    ] = {}
    transfer: TransferStatus | None = None
    vendor_nano: int = 0
    withdrawal_nano: Annotated[
        int, Meta(description="For withdrawing it late, within billedNano.")
    ] = 0
    fee_nano: int = 0
    rounding_nano: int = 0
    compensated_nano: Annotated[
        int, Meta(description="Paid to the consumer out of the vendor's bond: delivery failed.")
    ] = 0
    price_per_dtu: Annotated[str, Meta(description="Latest price, euro per DTU.")] = field(
        default="", name="pricePerDTU"
    )
    cost: Annotated[str, Meta(description="Billed so far, in euro.")] = ""
    compensation: Annotated[str, Meta(description="Compensated, in euro.")] = ""
    usage: Annotated[dict[str, Any], Meta(description="Observed: cpu, memory.")] = {}


def reserved_by(spec: Mapping[str, Any]) -> Resources:
    """Give what a contract takes, from its spec; what older ones do not state is none."""
    return Resources(
        spec["cpuMilli"],
        spec["memoryBytes"],
        spec.get("gpus", 0),
        spec.get("ephemeralBytes", 0),
    )


CONTRACT = OwnKind(
    kind="Contract",
    plural="contracts",
    singular="contract",
    namespaced=True,
    spec=ContractSpec,
    status=ContractStatus,
    columns=(
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Reason", ".status.reason"),
        PrinterColumn("Vendor", ".spec.vendor"),
        PrinterColumn("Node", ".spec.node"),
        PrinterColumn("€/DTU", ".status.pricePerDTU"),
        PrinterColumn("Billed €", ".status.cost"),
        PrinterColumn("From", ".status.starts"),
        PrinterColumn("Until", ".status.ends"),
        PrinterColumn("Piece", ".spec.piece", "integer", wide=True),
        PrinterColumn("Held For", ".spec.procurement", wide=True),
        PrinterColumn("Draws On", ".spec.reservation", wide=True),
        PrinterColumn("Compensated", ".status.compensation", wide=True),
        PrinterColumn("Order", ".spec.order.name", wide=True),
        PrinterColumn("Epoch", ".spec.epoch", "integer", wide=True),
        PrinterColumn("Message", ".status.message", wide=True),
    ),
    description="A match of an order and an offer: node, slots, draw, price snapshot, epoch.",
    read_only=True,
)
