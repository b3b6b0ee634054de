"""Kubernetes' required node affinity as an expression: terms are ORed, what is in a term ANDed.

An empty term matches no node. Values are compared with the node's labels and, as everywhere, with
the attributes of the offer that it stands under. Source: kubernetes.io, "Assigning Pods to Nodes",
NodeSelectorTerm of the API reference. Next: `busbar.market.restrictions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from busbar.model.errors import InvalidField
from busbar.model.expressions.names import NODE_NAME, is_name
from busbar.model.expressions.reading import CONDITIONS_MAX, VALUE_MAX, VALUES_MAX
from busbar.model.expressions.scales import number_of
from busbar.model.expressions.terms import (
    EVERYTHING,
    Condition,
    Expression,
    Group,
    Operator,
    normal,
)

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_COMPARED: Final = {"Gt": Operator.ABOVE, "Lt": Operator.BELOW}
_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", *_COMPARED)


def node_affinity(spec: Mapping[str, Any], at: str = "spec") -> Expression:
    """Read what a Pod requires of its node; `EVERYTHING` where it requires nothing."""
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED)
    if required is None:
        return EVERYTHING
    path = f"{at}.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    terms = required.get("nodeSelectorTerms") if isinstance(required, Mapping) else None
    if not isinstance(terms, list) or not terms:
        raise InvalidField(path, "must list at least one term")
    found = [tuple(_term(term, f"{path}[{i}]")) for i, term in enumerate(terms)]
    if sum(map(len, found)) > CONDITIONS_MAX:
        raise InvalidField(path, f"has more than {CONDITIONS_MAX} conditions")
    return normal(Group(False, tuple(Group(True, term) for term in found if term)))


def _term(term: Any, path: str) -> Iterator[Expression]:
    if not isinstance(term, Mapping):
        raise InvalidField(path, "must be an object with matchExpressions or matchFields")
    for field in ("matchExpressions", "matchFields"):
        for i, rule in enumerate(term.get(field) or ()):
            if not isinstance(rule, Mapping):
                raise InvalidField(f"{path}.{field}[{i}]", "must be an object")
            yield _condition(rule, f"{path}.{field}[{i}]", is_field=field == "matchFields")


def _condition(rule: Mapping[str, Any], path: str, *, is_field: bool) -> Condition:
    key, operator = rule.get("key"), rule.get("operator")
    values = tuple(map(str, rule.get("values") or ()))
    if is_field and (key != NODE_NAME or operator not in ("In", "NotIn") or len(values) != 1):
        raise InvalidField(path, f"must be {NODE_NAME}, In or NotIn, with one value")
    if not isinstance(key, str) or not is_name(key):
        raise InvalidField(f"{path}.key", "must be the name of a label")
    if operator not in _OPERATORS:
        raise InvalidField(f"{path}.operator", f"must be one of {', '.join(_OPERATORS)}")
    if operator in _COMPARED:
        whole = len(values) == 1 and "." not in values[0] and number_of(values[0]) is not None
        if not whole:
            raise InvalidField(f"{path}.values", "must be one whole number for Gt and Lt")
        return Condition(key, _COMPARED[operator], values, "number")
    if operator in ("Exists", "DoesNotExist"):
        if values:
            raise InvalidField(f"{path}.values", f"must be empty for {operator}")
        return Condition(key, Operator.EXISTS, negated=operator == "DoesNotExist")
    if not 0 < len(values) <= VALUES_MAX:
        raise InvalidField(f"{path}.values", f"must list between one and {VALUES_MAX} values")
    if any(len(v) > VALUE_MAX or "," in v or not v.isprintable() for v in values):
        raise InvalidField(f"{path}.values", "must be values of labels")
    return Condition(key, Operator.IN, values, negated=operator == "NotIn")
