"""What an eligibility expression means: which rows meet it, and what the others lack.

Two-valued: a condition on an attribute that a row does not have does not hold, its negation does.
Where a signature is asked for, only what the named auditors have signed for all of the time counts.
Each distinct set of values is judged once for the whole book. Next: `eligibility.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from busbar.market.attested import When
from busbar.market.facts import Facts, facts_of
from busbar.market.offers import Supply
from busbar.model.expressions import (
    LEVELS,
    Condition,
    Expression,
    Group,
    Operator,
    conjuncts,
    normal,
    of_text,
    short_name,
    to_text,
)
from busbar.model.expressions.scales import number_of, version_of
from busbar.model.wellknown import LABEL_BOND

if TYPE_CHECKING:
    from busbar.market.columns import Bools, Columns, Ints


def rows_meeting(columns: Columns, wanted: Expression, when: When, *, said: bool = False) -> Bools:
    """Give the rows that meet an expression for a time.

    With `said`, signatures are not looked at: it is enough that somebody says so.
    """
    if isinstance(wanted, Condition):
        facts = columns.facts(wanted.attribute)
        return facts.where([holds(wanted, one, when, said=said) for one in facts.values])
    found = np.full(columns.row_count, wanted.is_all)
    for part in wanted.parts:
        met = rows_meeting(columns, part, when, said=said)
        found = found & met if wanted.is_all else found | met
    return found


def holds(condition: Condition, facts: Facts, when: When, *, said: bool = False) -> bool:
    """Say whether a condition holds for what is said, or signed, of its attribute."""
    if not condition.is_signed:
        found = _passes(condition, facts.values)
    elif said:
        found = _passes(condition, facts.everything)
    else:
        found = _is_attested(condition, facts, when)
    return found != condition.negated


def _is_attested(condition: Condition, facts: Facts, when: When) -> bool:
    if not facts.attested:
        return False
    by = partial(facts.signed_by, when=when)
    return all(_passes(condition, by(auditor)) for auditor in condition.all_of) and (
        not condition.any_of or any(_passes(condition, by(auditor)) for auditor in condition.any_of)
    )


def _passes(condition: Condition, values: tuple[str, ...]) -> bool:
    match condition.operator:
        case Operator.IN:
            return any(value in condition.values for value in values)
        case Operator.EXISTS:
            return bool(values)
        case operator:
            return any(_compares(condition, operator, value) for value in values)


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


@lru_cache(maxsize=4096)
def is_signed(where: str) -> bool:
    """Say whether a class asks for a signature anywhere."""
    return bool(where) and _asks_for_signature(of_text(where))


def _asks_for_signature(wanted: Expression) -> bool:
    if isinstance(wanted, Condition):
        return wanted.is_signed
    return any(_asks_for_signature(part) for part in wanted.parts)


@lru_cache(maxsize=4096)
def divided(where: str) -> tuple[str, str]:
    """Give a class's expression in two: without, and only, what it asks of the vendor's bond.

    What stands beside other things under `anyOf` is left with them: it is not asked for alone.
    """
    parts = conjuncts(of_text(where))
    if not any(map(is_about_bond, parts)):
        return where, ""
    rest = normal(Group(True, tuple(part for part in parts if not is_about_bond(part))))
    asked_for = normal(Group(True, tuple(filter(is_about_bond, parts))))
    return to_text(rest), to_text(asked_for)


@lru_cache(maxsize=4096)
def asks_for_bond(where: str) -> bool:
    """Say whether what is in a vendor's bond decides anything for a class."""
    return LABEL_BOND in asked(where)


def is_about_bond(part: Expression) -> bool:
    """Say whether it is a condition on what the ledger says is in the vendor's bond."""
    return isinstance(part, Condition) and part.attribute == LABEL_BOND and not part.is_signed


def is_attested(row: Supply, where: str, when: When) -> bool:
    """Say whether one row meets, for a time, each part of an expression that must be signed."""
    parts = filter(_asks_for_signature, conjuncts(of_text(where)))
    return all(_meets(row, part, when) for part in parts)


def _meets(row: Supply, wanted: Expression, when: When) -> bool:
    if isinstance(wanted, Condition):
        return holds(wanted, facts_of(row, wanted.attribute), when)
    judge = all if wanted.is_all else any
    return judge(_meets(row, part, when) for part in wanted.parts)


def unsigned(wanted: Expression) -> Expression:
    """Give an expression that takes everybody's word for it."""
    if isinstance(wanted, Condition):
        return wanted._replace(all_of=(), any_of=())
    return Group(wanted.is_all, tuple(unsigned(part) for part in wanted.parts))


def rows_saying(columns: Columns, where: str, when: When) -> Bools:
    """Give the rows that meet each part, or would if everybody's word were taken for it."""
    found = np.ones(columns.row_count, dtype=bool)
    for part in conjuncts(of_text(where)):
        found &= _says(columns, part, when)
    return found


def _says(columns: Columns, part: Expression, when: When) -> Bools:
    met = rows_meeting(columns, part, when)
    return met | rows_meeting(columns, part, when, said=True) if _asks_for_signature(part) else met


def first_unmet(
    columns: Columns, where: str, rows: Ints, when: When, *, said: bool = False
) -> Ints:
    """Give, for each of some rows, the number of the first part that it does not meet.

    As many as there are parts where it meets them all. With `said`, somebody's word is enough.
    """
    parts = conjuncts(of_text(where))
    found = np.full(len(rows), len(parts), dtype=np.int64)
    for number in reversed(range(len(parts))):
        part = parts[number]
        met = _says(columns, part, when) if said else rows_meeting(columns, part, when)
        found[~met[rows]] = number
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
            words = f"{no}{name} {_either(wanted.values)}"
        case Operator.EXISTS:
            words = f"{'no' if wanted.negated else 'any'} {name}"
        case operator:
            words = f"{no}{name} {_WORDS[operator]} {wanted.values[0]}"
    return words + _by(wanted)


def _by(wanted: Condition) -> str:
    if not wanted.is_signed:
        return ""
    parts = [*wanted.all_of, *((_either(wanted.any_of),) if wanted.any_of else ())]
    return f" signed by {' and '.join(parts)}"


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
