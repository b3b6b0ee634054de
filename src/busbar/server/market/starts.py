"""One start of a quote as a document: what is drawn, what is bought, what both come to.

Next: `why.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.controllers.market.heldroom import CLAUSES, Hindrance
from busbar.controllers.market.refusals import of_unreserved
from busbar.controllers.market.trial import Cover, Held, Prospect
from busbar.controllers.pools import NOTHING, larger
from busbar.ledger.withdrawals import owed
from busbar.market.calendar import Segment
from busbar.market.quote import Quote
from busbar.model.kinds.contract import ContractSlot
from busbar.model.money import format_euro
from busbar.model.quantities import format_bytes, format_milli
from busbar.model.time import Instant, format_duration, format_instant


def placed_in(found: Prospect) -> int:
    """Give how many orders have a place, drawn or bought."""
    return len(found.covers) + (found.bought.placed if found.bought is not None else 0)


def is_whole(found: Prospect) -> bool:
    """Say whether all have a place within their terms, as long as they are expected to run."""
    bought = found.bought is None or found.bought.is_whole
    return bought and not found.without and all(cover.ends is None for cover in found.covers)


def cost_of(found: Prospect) -> int:
    """Give what a start costs, in nano-euro; what is paid already costs nothing more."""
    bought = 0 if found.bought is None else found.bought.cost_nano or 0
    return bought + sum(cover.cost_nano for cover in found.covers)


def late_withdrawal(found: Prospect, now: Instant) -> int:
    """Give what withdrawing it as it begins would cost, in nano-euro; nothing of what starts now.

    It is most then: two hours before it is nothing, and later what ran counts towards it.
    """
    matches = found.bought.matches if found.bought is not None and found.start > now else ()
    return sum(
        owed(map(_slot, match.segments), match.draw_micro, now, found.start) for match in matches
    )


def _slot(segment: Segment) -> ContractSlot:
    return ContractSlot(*segment)


def _weighed(bought: Quote | None) -> list[dict[str, Any]]:
    """Give the time that was weighed of the places, by what it is lost by; nobody is billed it."""
    found: dict[str, tuple[int, int, int]] = {}
    for loss in (loss for match in (bought.matches if bought else ()) for loss in match.lost):
        count, longest, nano = found.get(loss.why.value, (0, 0, 0))
        found[loss.why.value] = count + 1, max(longest, loss.ms), nano + loss.nano
    return [
        {"why": why, "places": count, "longest": format_duration(ms), "cost": format_euro(nano)}
        for why, (count, ms, nano) in found.items()
    ]


def start_of(found: Prospect, now: Instant) -> dict[str, Any]:
    """Give one start as a document."""
    bought, covers = found.bought, found.covers
    has_place = placed_in(found) > 0
    cost, moving = cost_of(found), bought.moving_nano if bought is not None else 0
    prices = [segment.price_nano for cover in covers for segment in cover.after]
    places = {(m.vendor, m.zone, m.offer) for m in (cover.draw.match for cover in covers)}
    if bought is not None and bought.cost_nano is not None:
        prices += [bought.low_nano, bought.high_nano]
        places |= set(bought.places)
    reason, message = _why_not(found)
    return {
        "start": format_instant(found.start),
        "placed": placed_in(found),
        "cost": format_euro(cost) if has_place else None,
        "compute": format_euro(cost - moving) if has_place else None,
        "egress": format_euro(moving) if has_place else None,
        "weighed": _weighed(bought),
        "lateWithdrawal": format_euro(late_withdrawal(found, now)) if has_place else None,
        "pricePerDTU": format_euro(max(prices, default=0)) if has_place else None,
        "lowestPerDTU": format_euro(min(prices, default=0)) if has_place else None,
        "vendors": sorted({vendor for vendor, _, _ in places}),
        "zones": sorted({zone for _, zone, _ in places}),
        "offers": sorted({offer for _, _, offer in places}),
        "resold": bool(found.resold.intersection(offer for _, _, offer in places)),
        "draws": _draws(covers),
        "aboveCap": bought is not None and bought.above_cap,
        "reason": reason,
        "message": message,
    }


def _draws(covers: tuple[Cover, ...]) -> list[dict[str, Any]]:
    """Give what is drawn on, orders that fare alike as one."""
    found: dict[tuple[str, str, int, str], tuple[int, int]] = {}
    for cover in covers:
        key = cover.draw.key
        ends = "" if cover.ends is None else cover.ends.message
        alike = key.procurement, key.node, cover.until, ends
        count, cost = found.get(alike, (0, 0))
        found[alike] = count + 1, cost + cover.cost_nano
    return [
        {
            "procurement": procurement,
            "node": node,
            "pods": count,
            "until": format_instant(until),
            "costAfter": format_euro(cost),
            "endsEarly": ends,
        }
        for (procurement, node, until, ends), (count, cost) in found.items()
    ]


def _why_not(found: Prospect) -> tuple[str, str]:
    """Say what keeps those that have no place from one."""
    if found.without:
        told = of_unreserved(found.without[0])
        return told.reason.value, told.message
    bought = found.bought
    if bought is None or bought.reason is None:
        return "", ""
    return bought.reason.value, bought.message


def held_of(found: Held) -> dict[str, Any]:
    """Say of a Procurement why an order does not draw on it."""
    said, near = CLAUSES[found.why], found.nearest
    if near is not None and found.why is Hindrance.NO_ROOM:
        left = larger(near.left, NOTHING)
        cpu, memory = format_milli(left.cpu_milli), format_bytes(left.memory_bytes)
        disk = format_bytes(left.ephemeral_bytes)
        said += f" ({cpu} cpu, {memory} memory, {disk} ephemeral storage on {near.key.node})"
    return {"procurement": found.procurement, "reason": found.why.value, "message": said}
