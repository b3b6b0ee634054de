"""The terms of an expression, and its one normal form: equal meanings mostly have equal texts.

NOT stands at single conditions only (De Morgan), nested ANDs and ORs are one, what stands twice
stands once, `in` of one attribute is joined, and all is sorted. The text of that form is what
orders carry: two orders with the same text are of one eligibility class. Next: `reading.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias


class Operator(StrEnum):
    """How a condition looks at the values of an attribute."""

    IN = "in"
    EXISTS = "exists"
    ABOVE = "above"
    AT_LEAST = "atLeast"
    BELOW = "below"
    AT_MOST = "atMost"


ORDERED = (Operator.ABOVE, Operator.AT_LEAST, Operator.BELOW, Operator.AT_MOST)


class Condition(NamedTuple):
    """One test of one attribute: it holds where any of the attribute's values passes.

    `scale` says how ordered values compare: number, version or level. Where auditors are named,
    what counts is not what is said but what they have signed: it holds for what each of `all_of`
    has signed, and for what one of `any_of` has.
    """

    attribute: str
    operator: Operator
    values: tuple[str, ...] = ()
    scale: str = ""
    negated: bool = False
    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    @property
    def is_signed(self) -> bool:
        """Say whether it asks for a signature."""
        return bool(self.all_of or self.any_of)


class Group(NamedTuple):
    """All of the parts, or any of them."""

    is_all: bool
    parts: tuple[Expression, ...]


Expression: TypeAlias = Condition | Group

EVERYTHING = Group(True, ())
NOTHING = Group(False, ())


def inverse(expression: Expression) -> Expression:
    """Give what holds exactly where the other does not."""
    if isinstance(expression, Condition):
        return expression._replace(negated=not expression.negated)
    return Group(not expression.is_all, tuple(inverse(part) for part in expression.parts))


def both(one: Expression, other: Expression) -> Expression:
    """Give what holds where both do, in normal form."""
    return normal(Group(True, (one, other)))


def conjuncts(expression: Expression) -> tuple[Expression, ...]:
    """Give the parts that all must hold: of a single condition itself."""
    if isinstance(expression, Group) and expression.is_all:
        return expression.parts
    return (expression,)


def normal(expression: Expression) -> Expression:
    """Give the normal form."""
    if isinstance(expression, Condition):
        return _by_whom(expression._replace(values=tuple(sorted(set(expression.values)))))
    is_all = expression.is_all
    flat: list[Expression] = []
    for part in map(normal, expression.parts):
        if isinstance(part, Group) and part.is_all == is_all:
            flat.extend(part.parts)
        else:
            flat.append(part)
    if Group(not is_all, ()) in flat:
        return Group(not is_all, ())
    parts = {to_text(part): part for part in _joined(flat, is_all)}
    if len(parts) == 1:
        return next(iter(parts.values()))
    return Group(is_all, tuple(part for _, part in sorted(parts.items())))


def _by_whom(condition: Condition) -> Condition:
    """Give the auditors in one form: one alone is any of one, and whom all need nobody chooses."""
    every, any_of = set(condition.all_of), set(condition.any_of)
    if every & any_of:
        any_of = set()
    if len(every) == 1 and not any_of:
        every, any_of = set(), every
    return condition._replace(all_of=tuple(sorted(every)), any_of=tuple(sorted(any_of)))


def _joined(parts: list[Expression], is_all: bool) -> list[Expression]:
    """Join `in` of one attribute and one choice of auditors.

    Any of a, any of b; or none of a, none of b. Not where several must all have signed: each of
    them has to have signed the same.
    """
    found: list[Expression] = []
    joined: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for part in parts:
        match part:
            case Condition(operator=Operator.IN, all_of=(), negated=negated) if negated == is_all:
                joined.setdefault((part.attribute, part.any_of), set()).update(part.values)
            case _:
                found.append(part)
    return found + [
        Condition(name, Operator.IN, tuple(sorted(values)), negated=is_all, any_of=any_of)
        for (name, any_of), values in joined.items()
    ]


def to_json(expression: Expression) -> dict[str, Any]:
    """Give an expression as it is published; `of_json` reads it back."""
    if isinstance(expression, Group):
        name = "allOf" if expression.is_all else "anyOf"
        return {name: [to_json(part) for part in expression.parts]}
    said: dict[str, Any] = {"attribute": expression.attribute}
    match expression.operator:
        case Operator.IN:
            said["in"] = list(expression.values)
        case Operator.EXISTS:
            said["exists"] = True
        case _:
            said[expression.operator.value] = expression.values[0]
            said["as"] = expression.scale
    if expression.is_signed:
        names = {"allOf": list(expression.all_of), "anyOf": list(expression.any_of)}
        said["signedBy"] = {name: auditors for name, auditors in names.items() if auditors}
    return {"not": said} if expression.negated else said


def to_text(expression: Expression) -> str:
    """Give an expression as text; "" for one that everything meets."""
    if expression == EVERYTHING:
        return ""
    said = to_json(expression)
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=4096)
def of_text(text: str) -> Expression:
    """Read what `to_text` wrote."""
    return normal(of_json(json.loads(text))) if text else EVERYTHING


def of_json(said: Mapping[str, Any]) -> Expression:
    """Read what `to_json` wrote."""
    for name in ("allOf", "anyOf"):
        if name in said:
            return Group(name == "allOf", tuple(of_json(part) for part in said[name]))
    if "not" in said:
        return inverse(of_json(said["not"]))
    operator = next(operator for operator in Operator if operator.value in said)
    value = said[operator.value]
    values = () if operator is Operator.EXISTS else (value,)
    if operator is Operator.IN:
        values = tuple(value)
    signers = said.get("signedBy", {})
    return Condition(
        said["attribute"],
        operator,
        values,
        said.get("as", ""),
        all_of=tuple(signers.get("allOf", ())),
        any_of=tuple(signers.get("anyOf", ())),
    )
