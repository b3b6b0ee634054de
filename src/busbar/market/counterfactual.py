"""What would have matched: the same batch cleared again with one thing about an order changed.

Nothing is estimated. Each answer is the outcome of the published rule for the order with another
cap, deadline, restriction or size, among the orders that wait beside it; so it says the least that
has to change, and the price that it would come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.burden import Burden
from busbar.market.clearing import clear
from busbar.market.orders import ANYWHERE, Order
from busbar.market.outcome import Match
from busbar.market.podspec import Toleration
from busbar.market.quote import ANY_PRICE
from busbar.market.restrictions import divided, is_signed, said, unsigned
from busbar.market.words import either, euro, price
from busbar.model.dtu import Resources
from busbar.model.expressions import (
    Condition,
    Expression,
    Group,
    Operator,
    conjuncts,
    normal,
    of_text,
    to_text,
)
from busbar.model.quantities import format_bytes, format_milli
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import LABEL_BOND

ZONES_MAX = 16
"""Zones, vendors and labels that are tried one by one; beyond, only all of them at once."""
BESIDE_MAX = 100
"""Orders beside this one up to which they take part; more would take seconds."""
_MILLI_STEP, _BYTES_STEP, _DISK_STEP = 100, 64 * 1024**2, 64 * 1024**2


Find = Callable[[Order, Sequence[Order]], Match | None]
"""Gives the contract that an order would have among others; None where it would have none."""


class Change(StrEnum):
    """What of an order was changed. A closed list."""

    RESERVATION = "reservation"
    CAP = "cap"
    WAIT = "mayWait"
    DEADLINE = "notAfter"
    REGION = "region"
    VENDOR = "vendor"
    SELECTOR = "nodeSelector"
    RESTRICTION = "restrictions"
    SIGNATURE = "signedBy"
    BOND = "bond"
    TOLERATIONS = "tolerations"
    CPU = "cpu"
    MEMORY = "memory"
    EPHEMERAL_STORAGE = "ephemeral-storage"
    PLACES = "gang-places"
    EGRESS = "maxEgressEuro"
    EVERYTHING = "everything"


class Alternative(NamedTuple):
    """A change that would have matched, in words, and the contract that it would have made."""

    change: Change
    advice: str
    match: Match

    @property
    def sentence(self) -> str:
        """Give it as one sentence."""
        found = self.match
        where = f"{found.vendor} in {found.zone or 'no region'}"
        return f"{self.advice}: {where} at {price(found.highest_nano)}"


class Bench:
    """Clears a batch again and again with one order changed."""

    def __init__(
        self,
        book: Book,
        order: Order,
        waiting: Iterable[Order],
        now: Instant,
        find: Find | None = None,
    ) -> None:
        self.book, self.order, self.now = book, order, now
        self._find = self._cleared if find is None else find
        beside = [other for other in waiting if other.id != order.id]
        if len(beside) > BESIDE_MAX:
            gang = order.gang.name if order.gang is not None else None
            beside = [other for other in beside if gang and other.gang and other.gang.name == gang]
        self.beside = beside

    def match(self, order: Order) -> Match | None:
        """Give the contract that an order would have; None where it would have none."""
        return self._find(order, self.beside)

    def _cleared(self, order: Order, beside: Sequence[Order]) -> Match | None:
        found = clear(self.book, [*beside, order], self.now)
        return next((match for match in found.matches if match.order == order.id), None)

    def cheapest(self, changed: Iterable[tuple[str, Order]]) -> tuple[str, Order, Match] | None:
        """Give the change that comes to the least per DTU, of equal ones the first."""
        best: tuple[str, Order, Match] | None = None
        for name, order in changed:
            match = self.match(order)
            if match is not None and (best is None or match.highest_nano < best[2].highest_nano):
                best = name, order, match
        return best


class Outlook(NamedTuple):
    """What an order would have: a contract as it is, or with something about it changed."""

    match: Match | None
    alternatives: tuple[Alternative, ...] = ()


def outlook(
    book: Book,
    order: Order,
    waiting: Iterable[Order],
    now: Instant,
    find: Find | None = None,
) -> Outlook:
    """Give, for an order that finds no place, each single change with which it would.

    Where no single one does, all restrictions are lifted at once; empty where not even that helps:
    only more supply would. `find` is for who knows of places beside the book; without, the batch
    is cleared on the book alone.
    """
    bench = Bench(book, order, waiting, now, find)
    match = bench.match(order)
    if match is not None:
        return Outlook(match)
    found = [answer for ask in _SINGLE if (answer := ask(bench)) is not None]
    if not found and (everything := _everything(bench)) is not None:
        found = [everything]
    return Outlook(None, tuple(found))


def _reservation(bench: Bench) -> Alternative | None:
    """Let it draw on whatever is held, or buy: what an order without a reservation does."""
    named = bench.order.reservation
    if named is None:
        return None
    match = bench.match(replace(bench.order, reservation=None))
    if match is None:
        return None
    return Alternative(Change.RESERVATION, f"without the reservation {named!r}", match)


def _cap(bench: Bench) -> Alternative | None:
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


def _wait(bench: Bench) -> Alternative | None:
    order = bench.order
    if order.may_wait:
        return None
    match = bench.match(replace(order, may_wait=True))
    if match is None:
        return None
    return Alternative(Change.WAIT, f"mayWait, to start {format_instant(match.start)}", match)


def _deadline(bench: Bench) -> Alternative | None:
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


def _region(bench: Bench) -> Alternative | None:
    wanted = bench.order.eligibility
    if not wanted.regions:
        return None
    known = {row.zone for row in bench.book.supplies}
    found = _one_more(bench, "regions", wanted.regions, known)
    return _said(Change.REGION, "region {} as well", found)


def _vendor(bench: Bench) -> Alternative | None:
    wanted = bench.order.eligibility
    if not wanted.vendors:
        return None
    known = {row.vendor for row in bench.book.supplies}
    found = _one_more(bench, "vendors", wanted.vendors, known)
    return _said(Change.VENDOR, "vendor {} as well", found)


def _one_more(
    bench: Bench, field: str, wanted: tuple[str, ...], known: set[str]
) -> tuple[str, Order, Match] | None:
    """Find the cheapest of the names that an eligibility does not list yet."""
    others = sorted(known - {"", *wanted})
    return bench.cheapest(
        (name, _eligible(bench.order, **{field: (*wanted, name)})) for name in others[:ZONES_MAX]
    )


def _selector(bench: Bench) -> Alternative | None:
    wanted = bench.order.eligibility.selector
    if not wanted:
        return None
    one_less = [
        (f"{key}={value}", _eligible(bench.order, selector=tuple(p for p in wanted if p[0] != key)))
        for key, value in wanted[:ZONES_MAX]
    ]
    found = bench.cheapest(one_less)
    if found is None and len(wanted) > 1:
        labels = either(f"{key}={value}" for key, value in wanted)
        found = bench.cheapest([(labels, _eligible(bench.order, selector=()))])
    return _said(Change.SELECTOR, "without the label {}", found)


def _restriction(bench: Bench) -> Alternative | None:
    """Find the part of the restrictions that, dropped, does; all of them where no one part does."""
    parts = conjuncts(of_text(bench.order.eligibility.where))
    one_less = [
        (said(part), _where(bench.order, [p for p in parts if p != part]))
        for part in parts[:ZONES_MAX]
    ]
    found = bench.cheapest(one_less)
    if found is None and len(parts) > 1:
        every = " and ".join(said(part) for part in parts)
        found = bench.cheapest([(every, _where(bench.order, []))])
    return _said(Change.RESTRICTION, "without the restriction '{}'", found)


def _signature(bench: Bench) -> Alternative | None:
    """Take everybody's word for what was to be signed."""
    where = bench.order.eligibility.where
    if not is_signed(where):
        return None
    whole = unsigned(of_text(where))
    found = bench.cheapest([(said(whole), _where(bench.order, [whole]))])
    return _said(Change.SIGNATURE, "taking '{}' for true unsigned", found)


def _bond(bench: Bench) -> Alternative | None:
    """Find the largest bond that could be asked for: one that a vendor has put down."""
    rest, wanted = divided(bench.order.eligibility.where)
    if not wanted:
        return None
    stated = {dict(row.attributes).get(LABEL_BOND, "") for row in bench.book.supplies} - {""}
    for amount in sorted(stated, key=Decimal, reverse=True)[:ZONES_MAX]:
        least = Condition(LABEL_BOND, Operator.AT_LEAST, (amount,), "number")
        match = bench.match(_where(bench.order, [of_text(rest), least]))
        if match is not None:
            return Alternative(Change.BOND, f"asking for a bond of {amount} €", match)
    return None


def _where(order: Order, parts: list[Expression]) -> Order:
    where = to_text(normal(Group(True, tuple(parts))))
    return replace(order, eligibility=order.eligibility._replace(where=where))


def _tolerations(bench: Bench) -> Alternative | None:
    match = bench.match(_eligible(bench.order, tolerations=(_ANYTHING,)))
    if match is None:
        return None
    row = next(row for row in bench.book.supplies if row.node == match.node)
    if not row.taints:
        return None
    taints = either(f"{t[0]}={t[1]}:{t[2]}" if t[1] else f"{t[0]}:{t[2]}" for t in row.taints)
    return Alternative(Change.TOLERATIONS, f"tolerating {taints}", match)


_ANYTHING = Toleration("", "Exists", "", "")


def _cpu(bench: Bench) -> Alternative | None:
    need = bench.order.requests
    found = _largest(bench, need.cpu_milli, _MILLI_STEP, lambda n: need._replace(cpu_milli=n))
    if found is None:
        return None
    return Alternative(Change.CPU, f"no more than {format_milli(found[0])} cpu", found[1])


def _memory(bench: Bench) -> Alternative | None:
    need = bench.order.requests
    found = _largest(bench, need.memory_bytes, _BYTES_STEP, lambda n: need._replace(memory_bytes=n))
    if found is None:
        return None
    return Alternative(Change.MEMORY, f"no more than {format_bytes(found[0])} memory", found[1])


def _ephemeral_storage(bench: Bench) -> Alternative | None:
    need = bench.order.requests
    asked = need.ephemeral_bytes
    found = _largest(bench, asked, _DISK_STEP, lambda n: need._replace(ephemeral_bytes=n))
    if found is None:
        return None
    words = f"no more than {format_bytes(found[0])} ephemeral storage"
    return Alternative(Change.EPHEMERAL_STORAGE, words, found[1])


def _places(bench: Bench) -> Alternative | None:
    """Find how many places a driver would get with it, by halving; none is better than to wait."""
    places = bench.order.places
    low, high, best = 0, 0 if places is None else places.number - 1, None
    while places is not None and low <= high:
        middle = (low + high + 1) // 2
        match = bench.match(replace(bench.order, places=places._replace(number=middle)))
        if match is None:
            high = middle - 1
        else:
            best, low = (middle, match), middle + 1
    if best is None:
        return None
    noun = "place" if best[0] == 1 else "places"
    words = f"no more than {best[0]} {noun}" if best[0] else "without places"
    return Alternative(Change.PLACES, words, best[1])


def _largest(
    bench: Bench, need: int, step: int, resized: Callable[[int], Resources]
) -> tuple[int, Match] | None:
    """Find the largest amount below what is needed that would have a place, by halving."""
    low, high, best = 1, (need - 1) // step, None
    while low <= high:
        middle = (low + high + 1) // 2
        match = bench.match(replace(bench.order, requests=resized(middle * step)))
        if match is None:
            high = middle - 1
        else:
            best, low = (middle * step, match), middle + 1
    return best


def _egress(bench: Bench) -> Alternative | None:
    burden = bench.order.burden
    if burden.cap_nano is None:
        return None
    match = bench.match(replace(bench.order, burden=_uncapped(burden)))
    if match is None:
        return None
    return Alternative(Change.EGRESS, f"maxEgressEuro {euro(match.moving_nano)}", match)


def _uncapped(burden: Burden) -> Burden:
    return burden if burden.cap_nano is None else burden._replace(cap_nano=None)


def _everything(bench: Bench) -> Alternative | None:
    anywhere = ANYWHERE._replace(tolerations=(_ANYTHING,))
    lifted = replace(
        bench.order,
        cap_nano=ANY_PRICE,
        eligibility=anywhere,
        deadline=None,
        may_wait=True,
        avoid=frozenset(),
        reservation=None,
        burden=_uncapped(bench.order.burden),
    )
    match = bench.match(lifted)
    if match is None:
        return None
    when = "" if match.start <= bench.now else f" from {format_instant(match.start)}"
    words = f"only with every restriction, cap and deadline lifted{when}"
    return Alternative(Change.EVERYTHING, words, match)


_SINGLE: Sequence[Callable[[Bench], Alternative | None]] = (
    _reservation,
    _cap,
    _wait,
    _deadline,
    _region,
    _vendor,
    _selector,
    _restriction,
    _signature,
    _bond,
    _tolerations,
    _cpu,
    _memory,
    _ephemeral_storage,
    _places,
    _egress,
)


def _eligible(order: Order, **changes: tuple[object, ...]) -> Order:
    return replace(order, eligibility=order.eligibility._replace(**changes))  # type: ignore[arg-type]


def _said(change: Change, words: str, found: tuple[str, Order, Match] | None) -> Alternative | None:
    return None if found is None else Alternative(change, words.format(found[0]), found[2])
