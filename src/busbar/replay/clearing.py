"""busbar-merit-3 from docs/market.md, over plain dicts and loops.

Here are the orders, the book, time and room, and who takes a place when. Each step of the rule is
a module of its own: `eligibility.py`, `company.py`, `costs.py`, `prices.py`, `turns.py`,
`arranging.py`, `gangs.py`, `pieces.py`. What found no place goes on to `funnel.py`.

Slow on purpose: every question is asked again each time, except what does not change while
orders move: the cells of a term, and what a place would cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from busbar.model.time import HOUR
from busbar.replay import gangs, pieces
from busbar.replay.arranging import arrange
from busbar.replay.calendars import ask_at, changes
from busbar.replay.company import company_reason, hopes
from busbar.replay.costs import GPU_WEIGHT, at_asks, is_beyond_egress_cap
from busbar.replay.eligibility import lasts, nobody_avoided, static_reason
from busbar.replay.lots import lot
from busbar.replay.prices import bears
from busbar.replay.restrictions import text_of
from busbar.replay.shares import RESOURCES, Shares
from busbar.replay.turns import turn

Json = dict[str, Any]
Term = tuple[int, int]


@dataclass
class Row:
    """A node under an offer."""

    node: Json
    offer: Json
    asks: list[int | None] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str]:
        """Give what tells it from the others."""
        return self.node["node"], self.offer["offer"]


@dataclass
class Wish:
    """An order with what follows from it."""

    order: Json
    start: int
    length: int
    forward: bool
    latest: int
    row: Row | None = None
    term: Term | None = None
    goes_on: bool = False
    """It is a later piece of an order that has another wish."""
    home: Row | None = None
    """Its row before places were changed."""

    @property
    def place(self) -> Row:
        """Give the row it has."""
        assert self.row is not None
        return self.row

    @property
    def when(self) -> Term:
        """Give the term it has."""
        assert self.term is not None
        return self.term

    @property
    def needs(self) -> list[int]:
        """Give cpu, memory, GPUs and ephemeral storage."""
        return [self.order.get(name, 0) for name in RESOURCES]

    @property
    def company(self) -> Any | None:
        """Give whom it wants near or far, None where it does not mind."""
        return self.order.get("company")

    @property
    def gang(self) -> str | None:
        """Give the name of the gang it belongs to, None for most."""
        return self.order["gang"]["name"] if self.order.get("gang") else None

    @property
    def is_bound(self) -> bool:
        """Say whether its place concerns others, so that it keeps it."""
        return bool(self.company or self.gang)

    @property
    def group(self) -> tuple[object, ...]:
        """Give the eligibility class."""
        order = self.order
        selector = tuple(sorted(order["selector"].items()))
        tolerations = tuple(tuple(t) for t in order["tolerations"])
        where = text_of(order.get("where"))
        return tuple(order["regions"]), tuple(order["vendors"]), selector, tolerations, where


class Market:
    """A published clearing, to be worked out again."""

    def __init__(self, status: Json) -> None:
        self.now, self.seed = status["atMs"], status["seed"]
        self.slot0 = self.now - self.now % HOUR
        self.horizon = self.slot0 + 49 * HOUR
        self.vendors = status["vendors"]
        self.rows = [Row(n, offer) for offer in status["supply"] for n in offer["nodes"]]
        self.rows.sort(key=lambda row: row.name)
        self.companions = status.get("companions", [])
        self.shares = Shares(status)
        self.untimely: dict[str, str] = {}
        self.known_parts: dict[Term, list[tuple[int, int]]] = {}
        self.narrow: dict[tuple[object, ...], int] = {}
        self.weights: dict[tuple[object, ...], int] = {}
        self.costs: dict[tuple[str, tuple[str, str]], int] = {}
        self.missed: dict[str, tuple[Wish, str | None]] = {}
        self.weighed: dict[tuple[str, tuple[str, str]], tuple[int, int]] = {}
        self.wishes = [w for o in status["orders"] if (w := self.wish(o)) is not None]
        gangs.gather(self)
        self.lay_out_time()
        self.count_room(status["commitments"])
        self.rows.sort(key=self.tie_key)

    def wish(self, order: Json) -> Wish | None:
        """Find when an order may run; note why not."""
        deadline, duration = order["deadlineMs"], order["durationMs"]
        start, length = self.now, duration or HOUR
        if order["earliestMs"] > self.now:
            start = -(-order["earliestMs"] // HOUR) * HOUR
        if deadline is not None and deadline <= self.now:
            self.untimely[order["id"]] = "Expired"
            return None
        if start >= self.horizon:
            self.untimely[order["id"]] = "DeadlineTooClose"
            return None
        if deadline is not None and start + length > deadline:
            if duration is not None or deadline <= start:
                self.untimely[order["id"]] = "DeadlineTooClose"
                return None
            return Wish(order, start, deadline - start, False, deadline)
        latest = self.horizon if deadline is None else min(self.horizon, deadline)
        forward = order["mayWait"] and start + length <= latest
        return Wish(order, start, min(length, self.horizon - start), forward, latest)

    def lay_out_time(self) -> None:
        """Cut time into cells and note each row's ask in each."""
        until = max(
            [self.now + 1] + [w.latest if w.forward else w.start + w.length for w in self.wishes]
        )
        end = until - 1 - (until - 1) % HOUR + HOUR
        cuts = {self.now, end} | set(range(self.slot0 + HOUR, end, HOUR))
        for row in self.rows:
            cuts |= changes(row.offer["calendar"], self.now, end)
        edges = sorted(cuts)
        self.cells = list(pairwise(edges))
        for row in self.rows:
            row.asks = [ask_at(row.offer["calendar"], start) for start, _ in self.cells]

    def count_room(self, commitments: list[Json]) -> None:
        """Note what is free on each node in each slot."""
        self.slots = (self.cells[-1][1] - self.slot0) // HOUR
        self.room = {
            (row.node["node"], slot): [row.node.get(name, 0) for name in RESOURCES]
            for row in self.rows
            for slot in range(self.slots)
        }
        for taken in commitments:
            for slot in range(self.slots):
                start = self.slot0 + slot * HOUR
                begun = slot == 0 and taken["startMs"] < start + HOUR
                reaches = taken["endMs"] is None or taken["endMs"] > start
                if begun or (taken["startMs"] < start + HOUR and reaches):
                    self.fill(taken["node"], [slot], [-taken.get(name, 0) for name in RESOURCES])

    def fill(self, node: str, slots: Iterable[int], amounts: list[int]) -> None:
        for slot in slots:
            if (node, slot) in self.room:
                have = self.room[node, slot]
                self.room[node, slot] = [a + b for a, b in zip(have, amounts, strict=True)]

    def tie_key(self, row: Row) -> tuple[object, ...]:
        free = self.room[row.node["node"], 0]
        return free[0], free[1], lot(row.node["node"], self.seed), row.name

    # What an order may have.

    def terms(self, wish: Wish) -> list[Term]:
        found = [(wish.start, wish.start + wish.length)]
        start = wish.start - wish.start % HOUR + HOUR
        while wish.forward and start + wish.length <= wish.latest:
            found.append((start, start + wish.length))
            start += HOUR
        return found

    def parts(self, term: Term) -> list[Term]:
        """Give the cells of a term, as (cell, ms in it)."""
        if term in self.known_parts:
            return self.known_parts[term]
        start, end = term
        self.known_parts[term] = [
            (i, min(end, b) - max(start, a))
            for i, (a, b) in enumerate(self.cells)
            if a < end and b > start
        ]
        return self.known_parts[term]

    def slots_of(self, term: Term) -> range:
        start, end = term
        return range((start - self.slot0) // HOUR, -(-(end - self.slot0) // HOUR))

    def asks(self, row: Row, term: Term) -> list[int] | None:
        """Give the asks over a term, None if it is closed in any part of it."""
        found = [row.asks[cell] for cell, _ in self.parts(term)]
        known = [ask for ask in found if ask is not None]
        return known if len(known) == len(found) else None

    def sells(self, wish: Wish, row: Row, term: Term) -> bool:
        """Say whether a row may serve an order in a term, room and class price aside."""
        if static_reason(self, wish, row) is not None:
            return False
        if not lasts(self, wish, row, term):
            return False
        asks = self.asks(row, term)
        if asks is None or max(asks) > wish.order["capNano"]:
            return False
        if is_beyond_egress_cap(self, wish, row):
            return False
        return bool(row.offer["minimumTermMs"] <= term[1] - term[0])

    def has_room(self, wish: Wish, row: Row, term: Term, without: Wish | None = None) -> bool:
        for slot in self.slots_of(term):
            free = list(self.room[row.node["node"], slot])
            if without is not None and slot in self.slots_of(without.when):
                free = [a + b for a, b in zip(free, without.needs, strict=True)]
            if any(need and have < need for have, need in zip(free, wish.needs, strict=True)):
                return False
        return True

    # Turns.

    def clear(self) -> None:
        for wish in self.wishes:
            if wish.group not in self.narrow:
                anyone = nobody_avoided(wish)
                may = [row for row in self.rows if static_reason(self, anyone, row) is None]
                self.narrow[wish.group] = len(may)
                weights = [row.node.get(GPU_WEIGHT, 0) for row in may]
                self.weights[wish.group] = min((w for w in weights if w), default=0)
        draws = {w.order["id"]: gangs.draw(self, w) for w in self.wishes}
        self.wishes.sort(key=lambda w: turn(self, w, draws[w.order["id"]]))
        at_once = [w for w in self.wishes if not self.waits(w)]
        self.take_turns(at_once)
        if 1 < len(at_once) <= 512 and 0 < len(at_once) * len(self.rows) <= 2**18:
            arrange(self, at_once)
        self.take_turns([w for w in self.wishes if self.waits(w)])

    def take_turns(self, turns: list[Wish]) -> None:
        """Place in turn; who waits for company tries again until nobody finds a place."""
        for i, wish in enumerate(turns):
            if wish.order.get("split") and wish.forward and not wish.is_bound:
                pieces.place(self, wish)
            elif wish.gang is None:
                self.take_turn(wish)
            elif wish.gang not in [later.gang for later in turns[i + 1 :]]:
                gangs.place(self, [w for w in turns if w.gang == wish.gang])
        hoping = [w for w in turns if w.gang is None and hopes(w)]
        found = True
        while found:
            found = False
            for wish in hoping:
                if wish.row is None:
                    self.take_turn(wish)
                    found = found or wish.row is not None

    def waits(self, wish: Wish) -> bool:
        return wish.forward or wish.start > self.now

    def take_turn(self, wish: Wish, start: int | None = None, zone: str | None = None) -> None:
        """Put an order on the first row of its merit order that can have it.

        With a start and a zone: only then and there.
        """
        choices = []
        for term in self.terms(wish):
            if start not in (None, term[0]):
                continue
            for rank, row in enumerate(self.rows):
                if zone in (None, row.node["zone"]) and self.sells(wish, row, term):
                    choices.append((at_asks(self, wish, row, term), term, rank))
        for _, term, rank in sorted(choices):
            row = self.rows[rank]
            fits = self.has_room(wish, row, term) and bears(self, wish, row, term)
            fits = fits and self.shares.has_left(self, wish, row, term)
            if fits and company_reason(self, wish, row) is None:
                self.put(wish, row, term)
                return

    def put(self, wish: Wish, row: Row, term: Term) -> None:
        wish.row, wish.term = row, term
        self.fill(row.node["node"], self.slots_of(term), [-n for n in wish.needs])

    def lift(self, wish: Wish) -> None:
        self.fill(wish.place.node["node"], self.slots_of(wish.when), wish.needs)
        wish.row = wish.term = None
