"""Changes of what an order would pay and how long it would wait. Next: `eligibility.py`."""

from __future__ import annotations

from dataclasses import replace

from busbar.market.burden import Burden
from busbar.market.counterfactual.bench import Alternative, Bench, Change
from busbar.market.quote import ANY_PRICE
from busbar.market.words import euro, price
from busbar.model.time import format_instant


def reservation(bench: Bench) -> Alternative | None:
    """Let it draw on whatever is held, or buy: what an order without a reservation does."""
    named = bench.order.reservation
    if named is None:
        return None
    match = bench.match(replace(bench.order, reservation=None))
    if match is None:
        return None
    return Alternative(Change.RESERVATION, f"without the reservation {named!r}", match)


def cap(bench: Bench) -> Alternative | None:
    """Find the lowest cap that would do: an ask of the book, or just above another's cap."""
    order, best = bench.order, None
    others = {min(other.cap_nano + 1, ANY_PRICE) for other in bench.beside}
    caps = sorted(cap for cap in (_asks(bench) | others) if cap > order.cap_nano)
    low, high = 0, len(caps) - 1
    while low <= high:
        middle = (low + high) // 2
        match = bench.match(replace(order, cap_nano=caps[middle]))
        if match is None:
            low = middle + 1
        else:
            best, high = (caps[middle], match), middle - 1
    if best is None:
        return None
    return Alternative(Change.CAP, f"a cap of {price(best[0])}", best[1])


def _asks(bench: Bench) -> set[int]:
    """Give everything that may be asked at some time."""
    found: set[int | None] = set()
    for calendar in {row.calendar for row in bench.book.supplies}:
        found.add(calendar.base_nano)
        found |= {rule.price_nano for rule in (*calendar.rules, *calendar.exceptions)}
    return {ask for ask in found if ask is not None}


def wait(bench: Bench) -> Alternative | None:
    """Let it wait for a later hour."""
    order = bench.order
    if order.may_wait:
        return None
    match = bench.match(replace(order, may_wait=True))
    if match is None:
        return None
    return Alternative(Change.WAIT, f"mayWait, to start {format_instant(match.start)}", match)


def deadline(bench: Bench) -> Alternative | None:
    """Find the earliest deadline that would do: where the work would end without one."""
    order = bench.order
    if order.deadline is None:
        return None
    match = bench.match(replace(order, deadline=None))
    if match is None and not order.may_wait:
        match = bench.match(replace(order, deadline=None, may_wait=True))
    if match is None:
        return None
    end = format_instant(match.end)
    more = "" if match.start <= bench.now else f", starting {format_instant(match.start)}"
    return Alternative(Change.DEADLINE, f"notAfter {end}{more}", match)


def egress(bench: Bench) -> Alternative | None:
    """Lift the cap on what moving its data may cost, and name what it would."""
    burden = bench.order.burden
    if burden.cap_nano is None:
        return None
    match = bench.match(replace(bench.order, burden=uncapped(burden)))
    if match is None:
        return None
    return Alternative(Change.EGRESS, f"maxEgressEuro {euro(match.moving_nano)}", match)


def uncapped(burden: Burden) -> Burden:
    """Give what weighs on an order without its cap."""
    return burden if burden.cap_nano is None else burden._replace(cap_nano=None)
