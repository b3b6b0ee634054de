"""What an order would have: as it is, or with one thing about it changed; all that, tried in turn.

Next: `../../server/market/why.py`, which answers who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.counterfactual import eligibility, limits, sizes
from busbar.market.counterfactual.bench import Alternative, Bench, Change, Find
from busbar.market.counterfactual.eligibility import ANYTHING
from busbar.market.counterfactual.limits import uncapped
from busbar.market.orders import ANYWHERE, Order
from busbar.market.outcome import Match
from busbar.market.quote import ANY_PRICE
from busbar.model.time import Instant, format_instant


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


_SINGLE: Sequence[Callable[[Bench], Alternative | None]] = (
    limits.reservation,
    limits.cap,
    limits.wait,
    limits.deadline,
    eligibility.region,
    eligibility.vendor,
    eligibility.selector,
    eligibility.restriction,
    eligibility.signature,
    eligibility.bond,
    eligibility.tolerations,
    sizes.cpu,
    sizes.memory,
    sizes.ephemeral_storage,
    sizes.places,
    limits.egress,
)


def _everything(bench: Bench) -> Alternative | None:
    anywhere = ANYWHERE._replace(tolerations=(ANYTHING,))
    lifted = replace(
        bench.order,
        cap_nano=ANY_PRICE,
        eligibility=anywhere,
        deadline=None,
        may_wait=True,
        avoid=frozenset(),
        reservation=None,
        burden=uncapped(bench.order.burden),
    )
    match = bench.match(lifted)
    if match is None:
        return None
    when = "" if match.start <= bench.now else f" from {format_instant(match.start)}"
    words = f"only with every restriction, cap and deadline lifted{when}"
    return Alternative(Change.EVERYTHING, words, match)
