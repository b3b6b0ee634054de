"""busbar-merit-3 from docs/market.md, over plain dicts and loops.

Next: `gangs.py`, `pieces.py`, then `funnel.py`.

Slow on purpose: every question is asked again each time, except what does not change while
orders move: the cells of a term, and what a place would cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from busbar.model.dtu import MEMORY_PER_DTU, MICRO, amount
from busbar.model.time import HOUR
from busbar.replay import gangs, pieces
from busbar.replay.calendars import ask_at, changes
from busbar.replay.restrictions import divided, meets, parts_of, said, text_of
from busbar.replay.shares import Shares

Json = dict[str, Any]
Term = tuple[int, int]

MASK = 2**64 - 1
NEVER = 2**60
DATA = ("region", "keeper", "readBytes", "writeBytes")
RESOURCES = ("cpuMilli", "memoryBytes", "gpus")


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
        """Give cpu, memory and GPUs."""
        return [self.order[name] for name in RESOURCES]

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


def base_draw(needs: list[int]) -> int:
    """Give the draw on a reference node, micro-DTU per hour."""
    return max(needs[0] * 1000, -(-needs[1] * MICRO // MEMORY_PER_DTU))


def mix(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def lot(name: str, seed: int) -> int:
    first8 = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return mix(int.from_bytes(first8, "big") ^ mix(seed & MASK))


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
            (row.node["node"], slot): [row.node[name] for name in RESOURCES]
            for row in self.rows
            for slot in range(self.slots)
        }
        for taken in commitments:
            for slot in range(self.slots):
                start = self.slot0 + slot * HOUR
                begun = slot == 0 and taken["startMs"] < start + HOUR
                reaches = taken["endMs"] is None or taken["endMs"] > start
                if begun or (taken["startMs"] < start + HOUR and reaches):
                    self.fill(taken["node"], [slot], [-taken[name] for name in RESOURCES])

    def fill(self, node: str, slots: Iterable[int], amounts: list[int]) -> None:
        for slot in slots:
            if (node, slot) in self.room:
                have = self.room[node, slot]
                self.room[node, slot] = [a + b for a, b in zip(have, amounts, strict=True)]

    def tie_key(self, row: Row) -> tuple[object, ...]:
        free = self.room[row.node["node"], 0]
        return free[0], free[1], lot(row.node["node"], self.seed), row.name

    # What an order may have.

    def static_reason(self, wish: Wish, row: Row) -> str | None:
        """Give the first test of who and where that a row fails."""
        order, node, offer = wish.order, row.node, row.offer
        if order["regions"] and node["zone"] not in order["regions"]:
            return "RegionNotAllowed"
        if order["vendors"] and offer["vendor"] not in order["vendors"]:
            return "VendorNotAllowed"
        if any(node["labels"].get(k) != v for k, v in order["selector"].items()):
            return "SelectorMismatch"
        (where, bond), at_once = divided(order.get("where")), (self.now, self.now + 1)
        if not all(said(part, node, offer, self.now) for part in parts_of(where)):
            return "RestrictionNotMet"
        if not meets(where, node, offer, at_once):
            return "NotAttested"
        if not meets(bond, node, offer, at_once):
            return "BondTooLow"
        if any(not tolerated(order["tolerations"], taint) for taint in node["taints"]):
            return "TaintNotTolerated"
        if node["cordoned"]:
            return "NodeCordoned"
        if avoided(order["avoid"], node):
            return "AvoidedNode"
        if not node["ready"]:
            return "NodeNotReady"
        if not offer["offer"]:
            return "NotOffered"
        if offer["offer"] in order.get("dealings", {}).get("declined", []):
            return "DeclinedByVendor"
        return "OfferUnavailable" if offer["paused"] else None

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
        if self.static_reason(wish, row) is not None:
            return False
        if not self.lasts(wish, row, term):
            return False
        asks = self.asks(row, term)
        if asks is None or max(asks) > wish.order["capNano"]:
            return False
        if self.is_beyond_egress_cap(wish, row):
            return False
        return bool(row.offer["minimumTermMs"] <= term[1] - term[0])

    def lasts(self, wish: Wish, row: Row, term: Term) -> bool:
        """Say whether what was signed of a row is so to the end of a term."""
        where, _ = divided(wish.order.get("where"))
        return meets(where, row.node, row.offer, (self.now, term[1]))

    def has_room(self, wish: Wish, row: Row, term: Term, without: Wish | None = None) -> bool:
        for slot in self.slots_of(term):
            free = list(self.room[row.node["node"], slot])
            if without is not None and slot in self.slots_of(without.when):
                free = [a + b for a, b in zip(free, without.needs, strict=True)]
            if any(have < need for have, need in zip(free, wish.needs, strict=True)):
                return False
        return True

    def bears(self, wish: Wish, row: Row, term: Term) -> bool:
        """Say whether nobody of the class would pay above their cap if the order came here."""
        here = Wish(wish.order, 0, 0, False, 0, row, term)
        others = [w for w in self.wishes if w.row is not None and w is not wish]
        return self.is_bearable([*others, here], wish.group)

    def is_bearable(self, placed: list[Wish], group: tuple[object, ...]) -> bool:
        paid: dict[tuple[str, int], int] = {}
        caps: dict[tuple[str, int], int] = {}
        for other in placed:
            if other.group != group:
                continue
            for cell, _ in self.parts(other.when):
                key = other.place.node["zone"], cell
                paid[key] = max(paid.get(key, 0), other.place.asks[cell] or 0)
                caps[key] = min(caps.get(key, NEVER), other.order["capNano"])
        return all(paid[key] <= caps[key] for key in paid)

    # What a place costs beyond its price.

    def burden(self, wish: Wish, row: Row) -> tuple[int, int]:
        """Give what an order's data costs to move to a row, and the time it loses there."""
        key = wish.order["id"], row.name
        if key not in self.weighed:
            self.weighed[key] = weigh(wish.order.get("burden"), row)
        return self.weighed[key]

    def is_beyond_egress_cap(self, wish: Wish, row: Row) -> bool:
        cap = (wish.order.get("burden") or {}).get("capNano")
        return cap is not None and self.burden(wish, row)[0] > cap

    def beyond(self, wish: Wish, row: Row) -> int:
        """Give what a row costs an order that runs now beyond the price, on a reference node."""
        moving, lost = self.burden(wish, row)
        if not lost:
            return moving
        first = self.parts((wish.start, wish.start + wish.length))[0][0]
        return moving + amount(row.asks[first] or 0, base_draw(wish.needs), lost)

    # Turns.

    def clear(self) -> None:
        self.narrow = {
            w.group: sum(self.static_reason(nobody_avoided(w), row) is None for row in self.rows)
            for w in self.wishes
        }
        self.wishes = sorted(
            self.wishes,
            key=lambda w: (
                self.waits(w),
                -w.order["capNano"],
                self.narrow[w.group],
                -gangs.draw(self, w),
                *self.last_resort(w),
            ),
        )
        at_once = [w for w in self.wishes if not self.waits(w)]
        self.take_turns(at_once)
        if 1 < len(at_once) <= 512 and 0 < len(at_once) * len(self.rows) <= 2**18:
            self.arrange(at_once)
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
                    lengths = [ms for _, ms in self.parts(term)]
                    asks = self.asks(row, term) or []
                    cost = sum(ask * ms for ask, ms in zip(asks, lengths, strict=True))
                    moving, lost = self.burden(wish, row)
                    work = (cost + asks[0] * lost) * base_draw(wish.needs)
                    choices.append((work + moving * MICRO * HOUR, term, rank))
        for _, term, rank in sorted(choices):
            row = self.rows[rank]
            fits = self.has_room(wish, row, term) and self.bears(wish, row, term)
            fits = fits and self.shares.has_left(self, wish, row, term)
            if fits and self.company_reason(wish, row) is None:
                self.put(wish, row, term)
                return

    def put(self, wish: Wish, row: Row, term: Term) -> None:
        wish.row, wish.term = row, term
        self.fill(row.node["node"], self.slots_of(term), [-n for n in wish.needs])

    def lift(self, wish: Wish) -> None:
        self.fill(wish.place.node["node"], self.slots_of(wish.when), wish.needs)
        wish.row = wish.term = None

    # Company.

    def members(self, group: str) -> list[Json]:
        """Give the nodes of all who belong to a group, one entry each."""
        nodes = {row.node["node"]: row.node for row in self.rows}
        found = [c["node"] for c in self.companions if group in c["groups"]]
        for w in self.wishes:
            if w.row is not None and w.company and group in w.company["groups"]:
                found.append(w.row.node["node"])
        return [nodes[name] for name in found if name in nodes]

    def unwelcoming(self) -> list[tuple[Json, str, str]]:
        """Give (node, topology, group) of all who have a place and will not have a group near."""
        nodes = {row.node["node"]: row.node for row in self.rows}
        found = [(c["node"], *rule) for c in self.companions for rule in c["apart"]]
        for w in self.wishes:
            if w.row is not None and w.company:
                found += [(w.row.node["node"], *rule) for rule in w.company["apart"]]
        return [(nodes[name], t, g) for name, t, g in found if name in nodes]

    def company_reason(self, wish: Wish, row: Row) -> str | None:
        """Give the first rule of company that a row would break."""
        company = wish.company
        if company is None:
            return None
        near = [m for t, g in company["apart"] for m in self.members(g) if same(t, m, row.node)]
        unwelcome = [
            node
            for node, t, g in self.unwelcoming()
            if g in company["groups"] and same(t, node, row.node)
        ]
        if near or unwelcome:
            return "PodAntiAffinity"
        wanted = company["together"]
        nobody = not any(self.members(g) for _, g in wanted)
        is_first = nobody and all(g in company["groups"] for _, g in wanted)
        for topology, group in wanted:
            if topology == "region" and not row.node["zone"]:
                return "PodAffinity"
            friends = [m for m in self.members(group) if same(topology, m, row.node)]
            if not friends and not is_first:
                return "PodAffinity"
        for rule in company["spread"]:
            if not self.is_level(wish, row, *rule):
                return "TopologySpread"
        return None

    def is_level(
        self, wish: Wish, row: Row, topology: str, group: str, skew: int, least: int
    ) -> bool:
        """Say whether a group stays spread over its domains if one more comes to this row."""
        eligible = [r for r in self.rows if self.static_reason(nobody_avoided(wish), r) is None]
        domains = {domain(topology, r.node) for r in eligible} - {""}
        here = domain(topology, row.node)
        if here not in domains:
            return False
        counts = dict.fromkeys(domains, 0)
        for member in self.members(group):
            if domain(topology, member) in counts:
                counts[domain(topology, member)] += 1
        fewest = min(counts.values()) if len(domains) >= least else 0
        return counts[here] + (group in (wish.company or {})["groups"]) - fewest <= skew

    # Changing places.

    def arrange(self, turns: list[Wish]) -> None:
        """Change places; arrange again, the hard ones first, then the largest; keep the best."""
        self.exchange(turns)
        self.arrange_again(turns, self.hardness)
        self.arrange_again(turns, self.size)

    def hardness(self, w: Wish) -> tuple[Any, ...]:
        """Sort by who is hard to place: few rows, a lopsided shape, a large draw."""
        cpu, memory = base_draw([w.needs[0], 0]), base_draw([0, w.needs[1]])
        lopsided = 1000 * max(cpu, memory) // (cpu + memory)
        return self.narrow[w.group], -lopsided, -base_draw(w.needs), *self.last_resort(w)

    def size(self, w: Wish) -> tuple[Any, ...]:
        """Sort by who needs the largest gap: cpu, draw, few rows."""
        return -w.needs[0], -base_draw(w.needs), self.narrow[w.group], *self.last_resort(w)

    def last_resort(self, w: Wish) -> tuple[Any, ...]:
        """Sort equals: orders alike together, then by lot."""
        return likeness(w, self.seed), lot(w.order["id"], self.seed)

    def arrange_again(self, turns: list[Wish], key: Callable[[Wish], tuple[Any, ...]]) -> None:
        """Arrange anew in another order; keep it where it costs less and nobody loses a place."""
        places = [(w, w.place, w.when) for w in turns if w.row is not None]
        for wish in turns:
            wish.home = wish.row
        cost = sum(self.cost_now(w) for w in turns)
        had_none = [w for w in turns if w.row is None]
        stay = [w for w, _, _ in places if w.is_bound]
        again = sorted((w for w, _, _ in places if not w.is_bound), key=key) + had_none
        for wish in again:
            if wish.row is not None:
                self.lift(wish)
        self.take_turns(again)
        self.exchange(stay + again)
        nobody_lost = all(w.row is not None for w, _, _ in places)
        if nobody_lost and sum(self.cost_now(w) for w in turns) < cost:
            return
        for wish in turns:
            if wish.row is not None:
                self.lift(wish)
        for wish, row, term in places:
            self.put(wish, row, term)

    def exchange(self, turns: list[Wish]) -> None:
        for wish in turns:
            wish.home = wish.row
        for _ in range(2 * len(turns)):
            changes_ = sorted(self.savings(turns), key=lambda c: c[:-1])
            for *_, moves in changes_:
                if self.keeps_caps(turns, moves):
                    self.move(moves)
                    break
            else:
                return

    def cost(self, wish: Wish, row: Row) -> int:
        """Give what a row costs an order that runs now, at the asks, on a reference node."""
        if wish.is_bound and row is not wish.row:
            return NEVER
        if self.shares.binds(wish, row) and row is not wish.home:
            return NEVER
        key = wish.order["id"], row.name
        if key not in self.costs:
            self.costs[key] = self.work_out_cost(wish, row)
        return self.costs[key]

    def work_out_cost(self, wish: Wish, row: Row) -> int:
        term = (wish.start, wish.start + wish.length)
        if not self.sells(wish, row, term):
            return NEVER
        draw = base_draw(wish.needs)
        parts = self.parts(term)
        price = sum(amount(row.asks[cell] or 0, draw, ms) for cell, ms in parts)
        return price + self.beyond(wish, row)

    def cost_now(self, wish: Wish) -> int:
        if wish.row is not None:
            return self.cost(wish, wish.row)
        most = 0
        if wish.order.get("burden"):
            may = [row for row in self.rows if self.cost(wish, row) < NEVER]
            most = max((self.beyond(wish, row) for row in may), default=0)
        return amount(wish.order["capNano"], base_draw(wish.needs), wish.length) + most + 1

    def elsewhere(self, wish: Wish) -> tuple[int, Row | None]:
        """Give the cheapest other node with room, the first in tie order."""
        best: tuple[int, Row | None] = (NEVER, None)
        term = (wish.start, wish.start + wish.length)
        for row in self.rows:
            own = wish.row is not None and row.node["node"] == wish.row.node["node"]
            if not own and self.cost(wish, row) < best[0] and self.has_room(wish, row, term):
                best = (self.cost(wish, row), row)
        return best

    def savings(self, turns: list[Wish]) -> Iterator[tuple[Any, ...]]:
        """Give every change that saves something: (-saving, kind, turn, other turn, moves)."""
        now = [self.cost_now(w) for w in turns]
        other_places = [self.elsewhere(w) for w in turns]
        for i, one in enumerate(turns):
            term = (one.start, one.start + one.length)
            cost, row = other_places[i]
            if row is not None and now[i] > cost:
                yield cost - now[i], 0, i, 0, [(one, row)]
            for j, other in enumerate(turns):
                if other.row is None or i == j:
                    continue
                if one.row is not None and one.row.node["node"] == other.row.node["node"]:
                    continue
                gain = now[i] + now[j] - self.cost(one, other.row)
                cost, row = other_places[j]
                displaced = gain - cost if row is not None else 0
                swapped = gain - self.cost(other, one.row) if one.row is not None else 0
                if displaced <= 0 and swapped <= 0:
                    continue
                if not self.has_room(one, other.row, term, without=other):
                    continue
                if displaced > 0:
                    yield -displaced, 1, i, j, [(one, other.row), (other, row)]
                back = (other.start, other.start + other.length)
                if swapped > 0 and self.has_room(other, one.place, back, without=one):
                    yield -swapped, 2, i, j, [(one, other.row), (other, one.row)]

    def keeps_caps(self, turns: list[Wish], moves: list[tuple[Wish, Row]]) -> bool:
        moved = {id(wish): row for wish, row in moves}
        after = [
            Wish(w.order, 0, 0, False, 0, moved.get(id(w), w.row), (w.start, w.start + w.length))
            for w in turns
            if w.row is not None or id(w) in moved
        ]
        return all(self.is_bearable(after, wish.group) for wish, _ in moves)

    def move(self, moves: list[tuple[Wish, Row]]) -> None:
        for wish, _ in moves:
            if wish.row is not None:
                self.lift(wish)
        for wish, row in moves:
            self.put(wish, row, (wish.start, wish.start + wish.length))

    # Prices.

    def segments(self, wish: Wish) -> list[Json]:
        """Give the uniform prices of an order's term, equal neighbours in one slot together."""
        found: list[Json] = []
        for cell, _ in self.parts(wish.when):
            price = max(
                other.place.asks[cell] or 0
                for other in self.wishes
                if other.row is not None
                and other.group == wish.group
                and other.place.node["zone"] == wish.place.node["zone"]
                and cell in [c for c, _ in self.parts(other.when)]
            )
            left = max(wish.when[0], self.cells[cell][0])
            right = min(wish.when[1], self.cells[cell][1])
            if found and found[-1]["priceNano"] == price and left % HOUR:
                found[-1]["endMs"] = right
            else:
                found.append({"startMs": left, "endMs": right, "priceNano": price})
        return found

    def matches(self) -> list[Json]:
        placed = [wish for wish in self.wishes if wish.row is not None]
        found = []
        for wish in placed:
            if not wish.goes_on:
                pieces_ = [w for w in placed if w.goes_on and w.order is wish.order]
                later = [self.described(w) for w in sorted(pieces_, key=lambda w: w.when)]
                order = {"order": wish.order["id"], **({"later": later} if later else {})}
                found.append({**order, **self.described(wish)})
        return sorted(found, key=lambda match: match["order"])

    def described(self, wish: Wish) -> Json:
        """Give where a wish has its place, and what it pays there."""
        node, offer = wish.place.node, wish.place.offer
        moving, _ = self.burden(wish, wish.place)
        return {
            **({"movingNano": moving} if moving else {}),
            "node": node["node"],
            "vendor": offer["vendor"],
            "zone": node["zone"],
            "offer": offer["offer"],
            "offerVersion": offer["version"],
            "drawMicro": -(-base_draw(wish.needs) * node["ratingMicro"] // 10**6),
            "askNano": (self.asks(wish.place, wish.when) or [0])[0],
            "segments": self.segments(wish),
        }


def hopes(wish: Wish) -> bool:
    """Say whether others who find a place may open one for an order."""
    return bool(wish.company and (wish.company["together"] or wish.company["spread"]))


def likeness(wish: Wish, seed: int) -> tuple[Any, ...]:
    """Give what keeps equal orders together, ahead of the lot."""
    requests = [-need for need in wish.needs]
    terms = [-wish.length, wish.start, -wish.latest, wish.forward]
    company = wish.company or {"groups": [], "apart": [], "together": [], "spread": []}
    rules = tuple(tuple(map(as_tuple, company[name])) for name in company)
    split = wish.order.get("split") or {"piecesMax": 0, "minimumMs": 0}
    cut = split["piecesMax"], split["minimumMs"]
    gang = (0, "") if wish.gang is None else (lot(wish.gang, seed), wish.gang)
    load = wish.order.get("burden") or {"lost": [], "capNano": None}
    data, cap = load.get("data") or {}, load["capNano"]
    lost = tuple((e["why"], e["ms"], sorted(e["spared"])) for e in load["lost"])
    weight = tuple(data[name] for name in DATA if name in data), lost, -1 if cap is None else cap
    dealings = wish.order.get("dealings", {"consumer": "", "declined": []})
    vendors = dealings["consumer"], tuple(dealings["declined"])
    avoid = sorted(wish.order["avoid"])
    return *requests, *terms, wish.group, avoid, rules, vendors, *weight, gang, cut


def weigh(load: Json | None, row: Row) -> tuple[int, int]:
    """Give what data costs to move to a row, nano-euro, and the ms lost there."""
    if not load:
        return 0, 0
    lost = sum(e["ms"] for e in load["lost"] if row.node["node"] not in e["spared"])
    data, rates = load.get("data"), row.offer.get("rates")
    if not data or not rates:
        return 0, lost
    zone, region = row.node["zone"], data["region"]
    bill = 0
    for size, way in (("readBytes", "ingressNano"), ("writeBytes", "egressNano")):
        same_region, other_region, other_vendor = rates[way]
        rate = same_region if region and region == zone else other_region
        if not data["keeper"] or data["keeper"] != row.offer["vendor"]:
            rate = max(rate, other_vendor)
        bill += data[size] * rate
    return bill // 2**30, lost


def as_tuple(value: Any) -> Any:
    """Give a list as something that can be compared and kept."""
    return tuple(value) if isinstance(value, list) else value


def domain(topology: str, node: Json) -> str:
    """Give the domain of a topology that a node is in."""
    return str(node["node"] if topology == "node" else node["zone"])


def same(topology: str, one: Json, other: Json) -> bool:
    """Say whether two nodes are in one domain; a node without a region is near nobody."""
    here = domain(topology, one)
    return here != "" and here == domain(topology, other)


def tolerated(tolerations: list[list[str]], taint: list[str]) -> bool:
    for key, operator, value, effect in tolerations:
        if effect and effect != taint[2]:
            continue
        if operator == "Exists" and key in ("", taint[0]):
            return True
        if operator != "Exists" and key == taint[0] and value == taint[1]:
            return True
    return False


def avoided(entries: list[str], node: Json) -> bool:
    """Say whether a node is among those avoided, by its name or by `LABEL=VALUE` of a label."""
    carried = {f"{label}={value}" for label, value in node["labels"].items()}
    return any(entry == node["node"] or entry in carried for entry in entries)


def nobody_avoided(wish: Wish) -> Wish:
    dealings = {"consumer": "", "declined": []}
    return Wish({**wish.order, "avoid": [], "dealings": dealings}, 0, 0, False, 0)
