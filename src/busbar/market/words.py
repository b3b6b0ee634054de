"""The clauses of a funnel: one reason and a number of nodes, in words a consumer can act on."""

from __future__ import annotations

from collections.abc import Iterable

from busbar.market.burden import GIB, Burden, Delay
from busbar.market.laden import Loaded
from busbar.market.orders import Order
from busbar.market.reasons import Reason
from busbar.market.restrictions import divided
from busbar.market.restrictions import said as restriction
from busbar.market.terms import Window
from busbar.model.expressions import Expression, of_text
from busbar.model.money import format_euro
from busbar.model.quantities import format_bytes, format_milli
from busbar.model.time import format_duration


def either(names: Iterable[str]) -> str:
    """Join names with commas and a last `or`."""
    *head, last = names
    return f"{', '.join(head)} or {last}" if head else last


def clause(reason: Reason, order: Order, window: Window, cheapest: int | None = None) -> str:
    """Say a reason about an order, to follow a number of nodes or an offer's name.

    `cheapest` is what the cheapest of the nodes above the cap asks.
    """
    wanted, need = order.eligibility, order.requests
    match reason:
        case Reason.REGION_NOT_ALLOWED:
            noun = "region" if len(wanted.regions) == 1 else "regions"
            return f"outside {noun} {either(wanted.regions)}"
        case Reason.VENDOR_NOT_ALLOWED:
            return f"not of {either(wanted.vendors)}"
        case Reason.SELECTOR_MISMATCH:
            labels = ", ".join(f"{key}={value}" for key, value in wanted.selector)
            return f"without the labels {labels}"
        case Reason.RESTRICTION_NOT_MET | Reason.NOT_ATTESTED:
            return lacking(of_text(divided(wanted.where)[0]), reason)
        case Reason.BOND_TOO_LOW:
            return f"whose vendor has no {restriction(of_text(divided(wanted.where)[1]))} €"
        case Reason.OFFER_UNAVAILABLE:
            return "whose offer is closed " + ("until the deadline" if window.forward else "now")
        case Reason.PRICE_ABOVE_CAP:
            found = "" if cheapest is None else f" (cheapest eligible: {price(cheapest)})"
            return f"above {price(order.cap_nano)}{found}"
        case Reason.EGRESS_ABOVE_CAP:
            return f"to which moving its data costs more than {euro(order.burden.cap_nano or 0)}"
        case Reason.NOT_ENOUGH_CPU:
            return f"without enough cpu ({format_milli(need.cpu_milli)} requested)"
        case Reason.NOT_ENOUGH_MEMORY:
            return f"without enough memory ({format_bytes(need.memory_bytes)} requested)"
        case Reason.NOT_ENOUGH_GPU:
            return f"without enough GPUs ({need.gpus} requested)"
        case Reason.NOT_ENOUGH_EPHEMERAL_STORAGE:
            asked = format_bytes(need.ephemeral_bytes)
            return f"without enough ephemeral storage ({asked} requested)"
        case Reason.MINIMUM_TERM_TOO_LONG:
            return f"with a minimum term longer than {format_duration(window.length)}"
        case Reason.CLEARING_PRICE_ABOVE_CAP:
            return f"where this batch's clearing price is above {price(order.cap_nano)}"
        case Reason.NO_FREE_CAPACITY:
            return "without free capacity " + ("until the deadline" if window.forward else "now")
        case _:
            return _FIXED[reason]


def lacking(wanted: Expression, reason: Reason = Reason.RESTRICTION_NOT_MET) -> str:
    """Say what a node does not meet, or only claims."""
    if reason is Reason.NOT_ATTESTED:
        return f"that claim it, but not '{restriction(wanted)}'"
    return f"that do not meet '{restriction(wanted)}'"


_FIXED = {
    Reason.DECLINED_BY_VENDOR: "whose vendor will not run such work",
    Reason.VENDOR_LIMIT: "where this namespace has all that the vendor sells to one",
    Reason.POD_ANTI_AFFINITY: "where there are pods it must be kept apart from",
    Reason.POD_AFFINITY: "not near the pods it must be together with",
    Reason.TOPOLOGY_SPREAD: "where it would be spread unevenly",
    Reason.OUTSIDE_GANG_ZONE: "in another zone than the rest of the gang",
    Reason.TAINT_NOT_TOLERATED: "with a taint that is not tolerated",
    Reason.NODE_CORDONED: "cordoned",
    Reason.AVOIDED_NODE: "avoided for a while: the work was lost there, or near it",
    Reason.NODE_NOT_READY: "not ready",
    Reason.NOT_OFFERED: "not offered for sale",
}


def price(nano: int) -> str:
    """Write a price with its unit."""
    return f"{format_euro(nano)} €/DTU"


def weight(burden: Burden, loaded: Loaded, there: int, here: int) -> str:
    """Say what makes a row dearer than the one taken, where its price does not.

    Such as `dearer with 0.004 € to bring 12 GiB from Germany and 40s to fetch its image`.
    """
    found = []
    if burden.data is not None and loaded.moving(there) > loaded.moving(here):
        region, _, read, write = burden.data
        what = f"bring {volume(read)} from" if read >= write else f"send {volume(write)} to"
        where = region or "where its data is"
        found.append(f"{euro(loaded.moving(there))} to {what} {where}")
    for why, ms in loaded.losses(there):
        found.append(f"{format_duration(ms // 1000 * 1000)} to {LOST[why]}")
    return f"dearer with {' and '.join(found)}" if found else ""


LOST = {Delay.PULL: "fetch its image", Delay.RESTART: "start anew where it was not before"}


def volume(count: int) -> str:
    """Write bytes for a sentence: `12 GiB`, `1.5 GiB`, `300 MiB`."""
    tenths = count * 10 // GIB
    if tenths < 1:
        return f"{-(-count // 2**20)} MiB"
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest} GiB" if rest else f"{whole} GiB"


def euro(nano: int) -> str:
    """Write an amount to the micro-euro, rounded up: what costs something is not shown as 0."""
    return f"{format_euro(-(-nano // 1_000) * 1_000)} €"


def unknown_vendors(order: Order, known: frozenset[str]) -> list[str]:
    """Give a note for each vendor that the order names and nobody knows."""
    have = ", ".join(sorted(known)[:20]) or "none"
    return [
        f"vendor {name!r} is unknown; known: {have}"
        for name in order.eligibility.vendors
        if name not in known
    ]


def empty_regions(order: Order, zones: Iterable[str]) -> list[str]:
    """Give a note for each region that the order names and that has no node."""
    found = sorted(zone for zone in zones if zone)
    have = ", ".join(found[:20]) or "none"
    return [
        f"no node is in region {name!r}; regions with nodes: {have}"
        for name in order.eligibility.regions
        if name not in found
    ]
