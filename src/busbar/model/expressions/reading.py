"""Restrictions as people write them, read into an expression: structured, never a language.

    allOf:
      - certification: [ISO27001, SOC2]           # short for attribute and in
      - {attribute: isolation, atLeast: sandbox}
      - not: {zone: se-2}

A mapping holds where all that stands in it holds. Structured YAML rather than text: `kubectl
explain`, patches and the sentence of a refusal all speak in paths. Depth and size are bounded, for
every expression is looked at for every node. Next: `affinity.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from busbar.model.errors import InvalidField
from busbar.model.expressions.names import LEVELS, full_name, is_name, short_name
from busbar.model.expressions.scales import NUMBER_HINT, VERSION_HINT, number_of, version_of
from busbar.model.expressions.terms import (
    ORDERED,
    Condition,
    Expression,
    Group,
    Operator,
    inverse,
    normal,
)

DEPTH_MAX: Final = 8
CONDITIONS_MAX: Final = 64
VALUES_MAX: Final = 64
VALUE_MAX: Final = 256
AUDITORS_MAX: Final = 16
TEXT_MAX: Final = 16 * 1024
"""Characters of an expression that an annotation holds."""

_GROUPS: Final = ("allOf", "anyOf")
_COMPARISONS: Final = tuple(operator.value for operator in ORDERED)
_OPERATORS: Final = ("equals", "in", "notIn", "exists", *_COMPARISONS)
_SCALES: Final = ("number", "version", "level")
_WORDS: Final = frozenset({*_GROUPS, "not", "attribute", "as", "signedBy", *_OPERATORS})


def read_expression(value: object, path: str) -> Expression:
    """Read an expression into its normal form; InvalidField names what is wrong and where."""
    return normal(_Reader().mapping(value, path, 1))


def read_text(text: object, path: str) -> Expression:
    """Read an expression that is written as JSON, as an annotation holds it."""
    if not isinstance(text, str) or len(text) > TEXT_MAX:
        raise InvalidField(path, f"must be JSON of at most {TEXT_MAX} characters")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        example = '{"allOf": [{"certification": "ISO27001"}]}'
        raise InvalidField(path, f"must be JSON, such as {example}") from None
    return read_expression(value, path)


class _Reader:
    """Reads one expression, counting its conditions."""

    def __init__(self) -> None:
        self._left = CONDITIONS_MAX

    def mapping(self, value: object, path: str, depth: int) -> Expression:
        if depth > DEPTH_MAX:
            raise InvalidField(path, f"is nested deeper than {DEPTH_MAX} levels")
        if not isinstance(value, Mapping) or not value:
            raise InvalidField(path, 'must be an object such as {"certification": "ISO27001"}')
        return Group(True, tuple(self._parts(value, path, depth)))

    def _parts(self, value: Mapping[str, Any], path: str, depth: int) -> Iterator[Expression]:
        signed = _signers(value, path)
        for name in _GROUPS:
            if name in value:
                yield self._group(value[name], name, f"{path}.{name}", depth)
        if "not" in value:
            yield inverse(self.mapping(value["not"], f"{path}.not", depth + 1))
        if _has_condition(value):
            yield self._counted(self._condition(value, path)._replace(**signed), path)
        for name, wanted in value.items():
            if name not in _WORDS:
                at = f"{path}.{name}"
                values = _values(wanted, at)
                condition = Condition(_name(name, at), Operator.IN, values)
                yield self._counted(condition._replace(**signed), at)

    def _group(self, value: object, name: str, path: str, depth: int) -> Expression:
        if not isinstance(value, list | tuple) or not value:
            raise InvalidField(path, "must be a list of at least one object")
        parts = (self.mapping(one, f"{path}[{i}]", depth + 1) for i, one in enumerate(value))
        return Group(name == "allOf", tuple(parts))

    def _counted(self, condition: Condition, path: str) -> Condition:
        self._left -= 1
        if self._left < 0:
            raise InvalidField(path, f"is one condition too many; at most {CONDITIONS_MAX}")
        return condition

    def _condition(self, value: Mapping[str, Any], path: str) -> Condition:
        if "attribute" not in value:
            raise InvalidField(f"{path}.attribute", "is missing: which attribute is compared?")
        name = _name(value["attribute"], f"{path}.attribute")
        used = [operator for operator in _OPERATORS if operator in value]
        if len(used) != 1:
            raise InvalidField(path, f"must have exactly one of {', '.join(_OPERATORS)}")
        operator = used[0]
        wanted, at = value[operator], f"{path}.{operator}"
        if operator in _COMPARISONS:
            return _ordered(name, Operator(operator), wanted, value.get("as"), path)
        if "as" in value:
            raise InvalidField(f"{path}.as", f"goes with {', '.join(ORDERED)} only")
        if operator == "exists":
            if not isinstance(wanted, bool):
                raise InvalidField(at, "must be true or false")
            return Condition(name, Operator.EXISTS, negated=not wanted)
        return Condition(name, Operator.IN, _values(wanted, at), negated=operator == "notIn")


def _has_condition(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ("attribute", "as", *_OPERATORS))


def _signers(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Read by whom the conditions of a mapping must be signed: a name, any of some, all of some."""
    if "signedBy" not in value:
        return {}
    said, at = value["signedBy"], f"{path}.signedBy"
    if not _has_condition(value) and _WORDS.issuperset(value):
        raise InvalidField(at, "stands beside the condition that must be signed")
    if not isinstance(said, Mapping):
        return {"any_of": _auditors(said, at)}
    if not said or not set(said) <= set(_GROUPS):
        raise InvalidField(at, "must be an Auditor's name, a list of them, or allOf and anyOf")
    names = {"allOf": "all_of", "anyOf": "any_of"}
    return {names[name]: _auditors(said[name], f"{at}.{name}") for name in said}


def _auditors(value: object, path: str) -> tuple[str, ...]:
    found = value if isinstance(value, list | tuple) else [value]
    if not 0 < len(found) <= AUDITORS_MAX:
        raise InvalidField(path, f"must name between one and {AUDITORS_MAX} Auditors")
    for one in found:
        if not isinstance(one, str) or not is_name(one):
            raise InvalidField(path, "must name Auditors; `busbar attest auditors` lists them")
    return tuple(found)


def _ordered(name: str, operator: Operator, wanted: object, scale: object, path: str) -> Condition:
    value, at = _text(wanted, f"{path}.{operator.value}"), f"{path}.{operator.value}"
    scale = scale if scale is not None else "level" if name in LEVELS else "number"
    if scale not in _SCALES:
        raise InvalidField(f"{path}.as", f"must be one of {', '.join(_SCALES)}")
    if scale == "level":
        levels = LEVELS.get(name)
        if levels is None:
            known = ", ".join(map(short_name, LEVELS))
            raise InvalidField(f"{path}.as", f"level goes with {known} only")
        if value not in levels:
            raise InvalidField(at, f"must be one of {', '.join(levels)}")
    elif scale == "number" and number_of(value) is None:
        raise InvalidField(at, NUMBER_HINT)
    elif scale == "version" and version_of(value) is None:
        raise InvalidField(at, VERSION_HINT)
    return Condition(name, operator, (value,), str(scale))


def _name(value: object, path: str) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise InvalidField(path, "is no attribute's name; write one such as certification")
    return full_name(value)


def _values(value: object, path: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        return (_text(value, path),)
    if not 0 < len(value) <= VALUES_MAX:
        raise InvalidField(path, f"must list between one and {VALUES_MAX} values")
    return tuple(_text(one, f"{path}[{i}]") for i, one in enumerate(value))


def _text(value: object, path: str) -> str:
    """Read a value; YAML makes numbers and truths of words that people mean as they stand."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 64:
        raise InvalidField(path, "is out of range")
    text = str(value) if isinstance(value, str | int | float) else ""
    if not text or len(text) > VALUE_MAX or not text.isprintable() or "," in text:
        raise InvalidField(
            path, f"must be a word or number of at most {VALUE_MAX} characters, without commas"
        )
    return text
