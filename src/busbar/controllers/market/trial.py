"""What orders would get, were they there now or later: worked out, and nothing is stored.

It goes the way of `inputs.py`: what is held comes first, then the book with the parts on sale.
`Prospect` is one start of a quote; `Trial` finds the place of an order among those that wait.
Next: `controller.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from busbar.controllers.market.draws import Draw, draws
from busbar.controllers.market.heldroom import HeldRoom, Hindered, Hindrance
from busbar.controllers.market.inputs import drawing, sociable
from busbar.controllers.market.resale import Kept, Part, parts, with_parts
from busbar.controllers.pools import NOTHING
from busbar.controllers.procurement.asks import PROCUREMENTS
from busbar.controllers.standing import Standing
from busbar.market.axis import FORWARD_SLOTS
from busbar.market.calendar import Segment
from busbar.market.clearing import clear
from busbar.market.drivers import with_places
from busbar.market.orders import Order
from busbar.market.outcome import Match, cost_of
from busbar.market.quote import Quote, duration_of, quote, starts
from busbar.market.rolling import NotRolled, roll
from busbar.model.dtu import Resources
from busbar.model.objects import name_of
from busbar.model.time import HOUR, Instant, slot_of
from busbar.model.wellknown import NO_RESERVATION
from busbar.store.contract import Snapshot


class Cover(NamedTuple):
    """An order that would draw: paid already until `until`, then at its offer's asks."""

    draw: Draw
    until: Instant
    after: tuple[Segment, ...]
    """From `until` to the end of its expected duration."""
    ends: NotRolled | None
    """Why it would end before that, if it would."""

    @property
    def cost_nano(self) -> int:
        """Give what it would cost beyond what is paid already."""
        return cost_of(self.after, self.draw.match.draw_micro)


class Prospect(NamedTuple):
    """What orders that start together would get: some draw, the others buy in the market."""

    start: Instant
    covers: tuple[Cover, ...]
    bought: Quote | None
    """Of those that buy; None where there is none."""
    without: tuple[Order, ...] = ()
    """Those that name a Procurement without room for them: they wait."""
    resold: frozenset[str] = frozenset()
    """The offers, of those that are bought, under which parts are sold again."""


def prospects(
    standing: Standing, snapshot: Snapshot, orders: Sequence[Order], fixed: bool, now: Instant
) -> Iterator[Prospect]:
    """Give what orders would get from now, then from each later hour.

    `fixed`: they ask for a fixed term. Later hours rest on what is held, reserved and for sale
    today, what draws today still drawing.
    """
    social, book = sociable(standing, with_places(orders))
    sales: dict[tuple[tuple[str, Resources], ...], dict[str, Part]] = {}
    for start in starts(now):
        loose = [] if fixed else social
        found = draws(standing, snapshot, book, loose, now, start)
        gone = {draw.match.order: draw for draw in found}
        left = [order for order in social if order.id not in gone]
        buying = [order for order in left if _buys(order)]
        taken = drawing((order, gone[order.id]) for order in social if order.id in gone)
        alike = tuple(sorted(taken.items()))
        if alike not in sales:
            sales[alike] = parts(standing, snapshot, now, taken)
        on_sale = sales[alike]
        keeper, there = Kept(on_sale.values()), with_parts(standing, book, on_sale)
        kept = [keeper.kept(order, has_fixed_term=fixed) for order in buying]
        yield Prospect(
            start,
            tuple(_covers(standing, social, found, start)),
            quote(there, kept, now, start) if kept else None,
            tuple(order for order in left if not _buys(order)),
            frozenset(part.row.offer for part in on_sale.values()),
        )


def _buys(order: Order) -> bool:
    return order.reservation in (None, NO_RESERVATION)


def _covers(
    standing: Standing, orders: Sequence[Order], found: Sequence[Draw], start: Instant
) -> Iterator[Cover]:
    """Say until when each draws, those before it drawing as long."""
    by_id = {order.id: order for order in orders}
    given = dict.fromkeys((draw.key for draw in found), NOTHING)
    for draw in found:
        order = by_id[draw.match.order]
        given[draw.key] = given[draw.key].plus(order.requests)
        pool, until = standing.pools.pool(draw.key.id), draw.match.end
        last = start + FORWARD_SLOTS * HOUR
        last = last if order.deadline is None else min(last, order.deadline)
        while until < last:
            end = min(slot_of(until).end, last)
            if not given[draw.key].fits_in(pool.left(until, end)):
                break
            until = end
        yield Cover(draw, until, *_after(standing, order, draw, until, start))


def _after(
    standing: Standing, order: Order, draw: Draw, until: Instant, start: Instant
) -> tuple[tuple[Segment, ...], NotRolled | None]:
    """Give what follows at the offer's asks, until the work is expected to end."""
    end = start + duration_of(order)
    end = end if order.deadline is None else min(end, order.deadline)
    offer = next((o for o in standing.offers if o.name == draw.match.offer), None)
    found: list[Segment] = []
    while until < end:
        more = roll(offer, order.cap_nano, until, order.deadline)
        if isinstance(more, NotRolled):
            return tuple(found), more
        found += [s._replace(end=min(s.end, end)) for s in more.segments if s.start < end]
        until = more.segments[-1].end
    return tuple(found), None


class Trial:
    """The batch as it stands, with one order in it changed or added; asked again and again."""

    def __init__(
        self, standing: Standing, snapshot: Snapshot, fixed: frozenset[str], now: Instant
    ) -> None:
        """`fixed`: the orders that ask for a fixed term, by id."""
        self._standing, self._snapshot = standing, snapshot
        self._fixed, self._now = fixed, now
        self._drawn: dict[Match, Draw] = {}
        self._parts: set[str] = set()
        self.book = with_parts(standing, standing.book, parts(standing, snapshot, now))

    def find(self, order: Order, beside: Sequence[Order]) -> Match | None:
        """Give the place that an order would have among others; None where it would have none."""
        social, book = sociable(self._standing, with_places([*beside, order]))
        loose = [o for o in social if o.id not in self._fixed]
        found = draws(self._standing, self._snapshot, book, loose, self._now)
        gone = {draw.match.order: draw for draw in found}
        if order.id in gone:
            mine = gone[order.id]
            self._drawn[mine.match] = mine
            return mine.match
        if not _buys(order):
            return None
        drawn = [(o, gone[o.id]) for o in social if o.id in gone]
        on_sale = parts(self._standing, self._snapshot, self._now, drawing(drawn))
        self._parts |= on_sale.keys()
        kept = Kept(on_sale.values())
        batch = [
            kept.kept(o, has_fixed_term=o.id in self._fixed)
            for o in social
            if o.id not in gone and _buys(o)
        ]
        cleared = clear(with_parts(self._standing, book, on_sale), batch, self._now)
        return next((match for match in cleared.matches if match.order == order.id), None)

    def draw_of(self, match: Match) -> Draw | None:
        """Give what a place that was found draws on; None where it would be bought."""
        return self._drawn.get(match)

    def is_resold(self, match: Match) -> bool:
        """Say whether a place that was found is a part that somebody sells again."""
        return match.node in self._parts


class Held(NamedTuple):
    """A Procurement of the order's namespace, and why the order does not draw on it."""

    procurement: str
    why: Hindrance
    nearest: Hindered | None
    """The pool that came furthest, and what is left there; None where there is no pool."""


def hindrances(
    standing: Standing,
    snapshot: Snapshot,
    order: Order,
    fixed: bool,
    drawn: Sequence[Order],
    now: Instant,
) -> tuple[Held, ...]:
    """Say of each Procurement why an order does not draw on it, others drawing before it."""
    (*_, order), book = sociable(standing, [order])
    room = HeldRoom(standing, snapshot, order.namespace, now)
    for other in drawn:
        room.take(book, other)
    nearest: dict[str, Hindered] = {}
    for one in room.hindered(book, order):
        known = nearest.get(one.key.procurement)
        if known is None or _RANK[one.why] > _RANK[known.why]:
            nearest[one.key.procurement] = one
    pools = {key.procurement for key in standing.pools.of(order.namespace)}
    found = []
    for obj in snapshot.list(*PROCUREMENTS, order.namespace):
        near = nearest.get(name_of(obj))
        if fixed:
            found.append(Held(name_of(obj), Hindrance.FIXED_TERM, None))
        elif near is not None:
            found.append(Held(name_of(obj), near.why, near))
        elif name_of(obj) not in pools:
            found.append(Held(name_of(obj), Hindrance.NOTHING_HELD, None))
    return tuple(found)


_RANK = {hindrance: rank for rank, hindrance in enumerate(Hindrance)}
