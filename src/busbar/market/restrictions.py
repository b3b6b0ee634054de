"""What an eligibility expression means: which rows meet it, and what the others lack.

Two-valued: a condition on an attribute that a row does not have does not hold, its negation does.
Each distinct set of values is judged once for the whole book. Next: `eligibility.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from busbar.market.facts import Facts
from busbar.model.expressions import (
    LEVELS,
    Condition,
    Expression,
    Group,
    Operator,
    conjuncts,
    of_text,
    short_name,
)
from busbar.model.expressions.scales import number_of, version_of

if TYPE_CHECKING:
    from busbar.market.columns import Bools, Columns, Ints


def rows_meeting(columns: Columns, wanted: Expression) -> Bools:
    """Give the rows that meet an expression."""
    if isinstance(wanted, Condition):
        facts = columns.facts(wanted.attribute)
        return facts.where([holds(wanted, one) for one in facts.values])
    found = np.full(columns.row_count, wanted.is_all)
    for part in wanted.parts:
        met = rows_meeting(columns, part)
        found = found & met if wanted.is_all else found | met
    return found


def holds(condition: Condition, facts: Facts) -> bool:
    """Say whether a condition holds for what is said of its attribute."""
    match condition.operator:
        case Operator.IN:
            found = any(value in condition.values for value in facts.values)
        case Operator.EXISTS:
            found = bool(facts.values)
        case operator:
            found = any(_compares(condition, operator, value) for value in facts.values)
    return found != condition.negated


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.ABOVE: lambda have, want: bool(have > want),
    Operator.AT_LEAST: lambda have, want: bool(have >= want),
    Operator.BELOW: lambda have, want: bool(have < want),
    Operator.AT_MOST: lambda have, want: bool(have <= want),
}


def _compares(condition: Condition, operator: Operator, value: str) -> bool:
    have = _measured(condition, value)
    want = _measured(condition, condition.values[0])
    return have is not None and want is not None and _COMPARE[operator](have, want)


def _measured(condition: Condition, text: str) -> object | None:
    """Give a value on its scale; None where it is not on it."""
    if condition.scale == "version":
        return version_of(text)
    if condition.scale == "level":
        levels = LEVELS.get(condition.attribute, ())
        return levels.index(text) if text in levels else None
    return number_of(text)


def attributes_of(wanted: Expression) -> set[str]:
    """Give every attribute that an expression asks about."""
    if isinstance(wanted, Condition):
        return {wanted.attribute}
    return set().union(*(attributes_of(part) for part in wanted.parts))


@lru_cache(maxsize=4096)
def asked(where: str) -> tuple[str, ...]:
    """Give the attributes that a class asks about, sorted."""
    return tuple(sorted(attributes_of(of_text(where)))) if where else ()


def first_unmet(columns: Columns, where: str, rows: Ints) -> Ints:
    """Give, for each of some rows, the number of the first part that it does not meet.

    As many as there are parts where it meets them all.
    """
    parts = conjuncts(of_text(where))
    found = np.full(len(rows), len(parts), dtype=np.int64)
    for number in reversed(range(len(parts))):
        found[~rows_meeting(columns, parts[number])[rows]] = number
    return found


def said(wanted: Expression) -> str:
    """Say an expression so that its author knows it again: `certification ISO27001`."""
    if isinstance(wanted, Group):
        if not wanted.parts:
            return "everything" if wanted.is_all else "nothing"
        joint = " and " if wanted.is_all else " or "
        return f"({joint.join(said(part) for part in wanted.parts)})"
    name, no = short_name(wanted.attribute), "not " if wanted.negated else ""
    match wanted.operator:
        case Operator.IN:
            return f"{no}{name} {_either(wanted.values)}"
        case Operator.EXISTS:
            return f"{'no' if wanted.negated else 'any'} {name}"
        case operator:
            return f"{no}{name} {_WORDS[operator]} {wanted.values[0]}"


_WORDS = {
    Operator.ABOVE: "above",
    Operator.AT_LEAST: "at least",
    Operator.BELOW: "below",
    Operator.AT_MOST: "at most",
}
_NAMED = 5


def _either(values: Iterable[str]) -> str:
    named = [value or '""' for value in values]
    shown = named[:_NAMED] + ([f"{len(named) - _NAMED} more"] if len(named) > _NAMED else [])
    return " or ".join(shown)
