"""What the market's answers are made of: one start of a quote, one order, one place.

Written by `server/market/`; here so that clients can read in the schema what a field means.
Amounts are euro as exact decimals, times RFC 3339. Next: `review.py`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from busbar.model.kinds.base import Part

Euro = Annotated[str, Meta(description="Euro, an exact decimal.")]
MaybeEuro = Annotated[str | None, Meta(description="Euro, an exact decimal; null: no place.")]


class HeldAnswer(Part):
    """Capacity that the namespace holds, and why it is not drawn on."""

    procurement: str
    reason: Annotated[str, Meta(description="One of a closed list.")]
    message: str


class DrawAnswer(Part):
    """What would be drawn on, and what follows."""

    procurement: str
    node: str
    pods: int
    until: Annotated[str, Meta(description="Until then nothing more is to be paid.")]
    cost_after: Euro
    ends_early: Annotated[str, Meta(description="Why it would end too early; empty: it would not.")]


class LossAnswer(Part):
    """Time that was weighed of the places. Weighed, not billed."""

    why: Annotated[str, Meta(description="Pull: an image is fetched; Restart: it starts anew.")]
    places: Annotated[int, Meta(description="Of how many places.")]
    longest: str
    cost: Annotated[str, Meta(description="What it counted as in the choice, euro.")]


class StartAnswer(Part):
    """What it would be to start at one time."""

    start: str
    placed: Annotated[int, Meta(description="How many Pods would have a place.")]
    cost: MaybeEuro
    compute: MaybeEuro
    egress: Annotated[str | None, Meta(description="Of the cost, for data expected to move.")]
    weighed: list[LossAnswer]
    late_withdrawal: Annotated[
        str | None, Meta(description="Reserved now and withdrawn as it begins, it costs this.")
    ]
    vendors: list[str]
    zones: list[str]
    offers: list[str]
    resold: Annotated[bool, Meta(description="In room that somebody holds and sells again.")]
    draws: list[DrawAnswer]
    above_cap: Annotated[bool, Meta(description="There is a place, but not within the cap.")]
    reason: Annotated[str, Meta(description="Why not all of it has a place; one of a closed list.")]
    message: str
    price_per_dtu: MaybeEuro = field(name="pricePerDTU")
    lowest_per_dtu: MaybeEuro = field(name="lowestPerDTU")


class PlaceAnswer(Part):
    """A place that there would be."""

    cost: Annotated[str, Meta(description="What would be held for its term, euro.")]
    vendor: str
    zone: str
    start: str
    reservation: Annotated[str, Meta(description="The Procurement drawn on; empty: bought.")]
    resold: Annotated[bool, Meta(description="In room that somebody holds and sells again.")]
    price_per_dtu: Euro = field(name="pricePerDTU")


class AlternativeAnswer(PlaceAnswer):
    """A change of the order that would have matched, and where."""

    change: Annotated[str, Meta(description="Which of its terms.")] = field()
    advice: Annotated[str, Meta(description="To what.")] = field()
    message: str = field()


class ContractAnswer(Part):
    """The contract of an order that has its place."""

    name: str
    phase: str
    vendor: str
    zone: str
    node: str
    start: str
    reservation: Annotated[str, Meta(description="The Procurement drawn on; empty: bought.")]
    resold: Annotated[bool, Meta(description="In room that somebody holds and sells again.")]
    price_per_dtu: Euro = field(name="pricePerDTU")
    paid_until: Annotated[str, Meta(description="Of what is drawn on: until when.")] = ""
    price_since: Annotated[str, Meta(description="Of what is drawn on: per DTU since then.")] = ""


class OrderAnswer(Part):
    """One Pod as an order."""

    pod: str
    state: Annotated[str, Meta(description="Waiting, Matched, Reserved, Gated, Invalid, …")]
    reason: Annotated[str, Meta(description="Why it waits; one of a closed list.")]
    message: str
    funnel: Annotated[list[str], Meta(description="Where the nodes went, a clause each.")]
    contract: ContractAnswer | None
    alternatives: Annotated[
        list[AlternativeAnswer], Meta(description="Single changes that would have matched.")
    ]
    as_it_is: Annotated[
        PlaceAnswer | None, Meta(description="The place that there is for it as it is, now.")
    ]
    held: list[HeldAnswer]
