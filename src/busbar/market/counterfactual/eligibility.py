"""Changes of the places that an order may run in: one more of them, or one condition less.

Next: `sizes.py`.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from busbar.market.counterfactual.bench import ZONES_MAX, Alternative, Bench, Change, told
from busbar.market.orders import Order
from busbar.market.podspec import Toleration
from busbar.market.restrictions import divided, is_signed, said, unsigned
from busbar.market.words import either
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
from busbar.model.wellknown import LABEL_BOND

ANYTHING = Toleration("", "Exists", "", "")
"""Tolerates every taint."""


def region(bench: Bench) -> Alternative | None:
    """Find the region that, allowed as well, comes to the least."""
    known = {row.zone for row in bench.book.supplies}
    return _one_more(bench, Change.REGION, "regions", known)


def vendor(bench: Bench) -> Alternative | None:
    """Find the vendor that, allowed as well, comes to the least."""
    known = {row.vendor for row in bench.book.supplies}
    return _one_more(bench, Change.VENDOR, "vendors", known)


def _one_more(bench: Bench, change: Change, field: str, known: set[str]) -> Alternative | None:
    """Find the cheapest of the names that an eligibility does not list yet, where it lists any."""
    wanted: tuple[str, ...] = getattr(bench.order.eligibility, field)
    others = sorted(known - {"", *wanted}) if wanted else []
    found = bench.cheapest(
        (name, _eligible(bench.order, **{field: (*wanted, name)})) for name in others[:ZONES_MAX]
    )
    return told(change, f"{change.value} {{}} as well", found)


def selector(bench: Bench) -> Alternative | None:
    """Find the label that, dropped, does; all of them where no one label does."""
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
    return told(Change.SELECTOR, "without the label {}", found)


def restriction(bench: Bench) -> Alternative | None:
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
    return told(Change.RESTRICTION, "without the restriction '{}'", found)


def signature(bench: Bench) -> Alternative | None:
    """Take everybody's word for what was to be signed."""
    where = bench.order.eligibility.where
    if not is_signed(where):
        return None
    whole = unsigned(of_text(where))
    found = bench.cheapest([(said(whole), _where(bench.order, [whole]))])
    return told(Change.SIGNATURE, "taking '{}' for true unsigned", found)


def bond(bench: Bench) -> Alternative | None:
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


def tolerations(bench: Bench) -> Alternative | None:
    """Tolerate everything, and name the taints of where it would go."""
    match = bench.match(_eligible(bench.order, tolerations=(ANYTHING,)))
    if match is None:
        return None
    row = next(row for row in bench.book.supplies if row.node == match.node)
    if not row.taints:
        return None
    taints = either(f"{t[0]}={t[1]}:{t[2]}" if t[1] else f"{t[0]}:{t[2]}" for t in row.taints)
    return Alternative(Change.TOLERATIONS, f"tolerating {taints}", match)


def _where(order: Order, parts: list[Expression]) -> Order:
    where = to_text(normal(Group(True, tuple(parts))))
    return replace(order, eligibility=order.eligibility._replace(where=where))


def _eligible(order: Order, **changes: tuple[object, ...]) -> Order:
    return replace(order, eligibility=order.eligibility._replace(**changes))  # type: ignore[arg-type]
