"""A Pod's required company read from its spec: affinity, anti-affinity, topology spread.

Preferences may go unmet; requirements may not: what the market cannot promise is refused here.
Source: kubernetes.io, "Assigning Pods to Nodes", "Pod Topology Spread Constraints".
Next: `orders.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busbar.market.company import (
    EVERYWHERE,
    NO_RULES,
    NODE,
    REGION,
    Near,
    Requirement,
    Rules,
    Selector,
    Spread,
)
from busbar.model import wellknown as wk
from busbar.model.errors import InvalidField

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TOPOLOGY = {"kubernetes.io/hostname": NODE, wk.LABEL_REGION: REGION}
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def rules_of(spec: Mapping[str, Any], namespace: str) -> Rules:
    """Read what a Pod of a namespace requires; InvalidField where it cannot be promised."""
    affinity = spec.get("affinity") or {}
    found = Rules(
        tuple(_near(affinity, "podAntiAffinity", namespace)),
        tuple(_near(affinity, "podAffinity", namespace)),
        tuple(_spread(spec, namespace)),
    )
    return found if any(found) else NO_RULES


def _near(affinity: Mapping[str, Any], kind: str, namespace: str) -> Iterator[Near]:
    for i, term in enumerate((affinity.get(kind) or {}).get(_REQUIRED) or ()):
        path = f"spec.affinity.{kind}.{_REQUIRED}[{i}]"
        for field in ("matchLabelKeys", "mismatchLabelKeys"):
            _refuse(term, field, path)
        yield Near(_topology(term, path), _selector(term, _namespaces(term, namespace, path), path))


def _spread(spec: Mapping[str, Any], namespace: str) -> Iterator[Spread]:
    for i, entry in enumerate(spec.get("topologySpreadConstraints") or ()):
        if entry.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        path = f"spec.topologySpreadConstraints[{i}]"
        for field in ("matchLabelKeys", "nodeAffinityPolicy", "nodeTaintsPolicy"):
            _refuse(entry, field, path)
        yield Spread(
            _topology(entry, path),
            _selector(entry, (namespace,), path),
            _count(entry, "maxSkew", path),
            _count(entry, "minDomains", path),
        )


def _count(entry: Mapping[str, Any], field: str, path: str) -> int:
    value = entry.get(field, 1)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidField(f"{path}.{field}", "must be a whole number above 0")
    return value


def _refuse(entry: Mapping[str, Any], field: str, path: str) -> None:
    if entry.get(field):
        raise InvalidField(f"{path}.{field}", "is not supported by the market; leave it out")


def _topology(entry: Mapping[str, Any], path: str) -> str:
    found = _TOPOLOGY.get(entry.get("topologyKey", ""))
    if found is None:
        raise InvalidField(f"{path}.topologyKey", f"must be {' or '.join(_TOPOLOGY)}")
    return found


def _namespaces(term: Mapping[str, Any], own: str, path: str) -> tuple[str, ...]:
    chosen = term.get("namespaceSelector")
    if chosen is None:
        return tuple(sorted(term.get("namespaces") or (own,)))
    if chosen:
        message = "is only supported empty, for every namespace; else name them in namespaces"
        raise InvalidField(f"{path}.namespaceSelector", message)
    return (EVERYWHERE,)


def _selector(entry: Mapping[str, Any], namespaces: tuple[str, ...], path: str) -> Selector:
    wanted = entry.get("labelSelector")
    if wanted is None:
        return Selector(namespaces, None)
    found = {
        Requirement(str(key), "In", (str(value),))
        for key, value in (wanted.get("matchLabels") or {}).items()
    }
    for i, rule in enumerate(wanted.get("matchExpressions") or ()):
        operator = rule.get("operator")
        if operator not in _OPERATORS:
            where = f"{path}.labelSelector.matchExpressions[{i}].operator"
            raise InvalidField(where, f"must be one of {', '.join(_OPERATORS)}")
        values = tuple(sorted(str(value) for value in rule.get("values") or ()))
        found.add(Requirement(str(rule.get("key")), operator, values))
    return Selector(namespaces, tuple(sorted(found)))
