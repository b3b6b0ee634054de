"""Company: whom an order must run apart from, together with, or spread out among.

A Pod's required affinity, anti-affinity and topology spread name other Pods by labels. Here each
such selector is a **group** under a name of its own; an order belongs to the groups whose selector
it matches. So the clearing, and what is published of it, needs no labels and no namespaces.
Source: kubernetes.io, "Assigning Pods to Nodes", "Pod Topology Spread Constraints".
Next: `neighbours.py`, which counts who is where.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from busbar.market.orders import Order

NODE, REGION = "node", "region"
TOPOLOGIES = (NODE, REGION)
"""What a domain is: a node, or a region."""
EVERYWHERE = "*"
"""Stands for all namespaces."""


class Requirement(NamedTuple):
    """A test of one label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet it, as Kubernetes' label selectors do."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


class _Selected(NamedTuple):
    namespaces: tuple[str, ...]
    requirements: tuple[Requirement, ...] | None


class Selector(_Selected):
    """Pods of some namespaces by their labels; requirements None: no Pod at all."""

    @cached_property
    def group(self) -> str:
        """Give the name under which it is published: it says nothing about what is selected."""
        return hashlib.blake2b(repr(tuple(self)).encode(), digest_size=8).hexdigest()

    def matches(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Say whether a Pod is selected."""
        if self.requirements is None:
            return False
        if namespace not in self.namespaces and EVERYWHERE not in self.namespaces:
            return False
        return all(requirement.is_met(labels) for requirement in self.requirements)


class Near(NamedTuple):
    """Somebody in the same domain."""

    topology: str
    selector: Selector


class Spread(NamedTuple):
    """No domain may hold more than `max_skew` more of them than the one that holds fewest."""

    topology: str
    selector: Selector
    max_skew: int
    min_domains: int


class Rules(NamedTuple):
    """What a Pod requires of its company, as it says it."""

    apart: tuple[Near, ...] = ()
    together: tuple[Near, ...] = ()
    spread: tuple[Spread, ...] = ()

    def selectors(self) -> set[Selector]:
        """Give every selector in it."""
        return {rule.selector for rules in self for rule in rules}


NO_RULES = Rules()


class Company(NamedTuple):
    """The same by groups; `groups` are those the order belongs to."""

    groups: tuple[str, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    together: tuple[tuple[str, str], ...] = ()
    spread: tuple[tuple[str, str, int, int], ...] = ()


ALONE = Company()


class Resident(NamedTuple):
    """Somebody who has a place on a node already, as the Pod says it."""

    node: str
    namespace: str
    labels: Mapping[str, str]
    rules: Rules


class Companion(NamedTuple):
    """The same by groups: to whom it belongs, and whom it will not have near."""

    node: str
    groups: tuple[str, ...]
    apart: tuple[tuple[str, str], ...]


def in_company(
    orders: Iterable[Order], residents: Iterable[Resident]
) -> tuple[list[Order], tuple[Companion, ...]]:
    """Give the orders, and those who are there already, with the groups they belong to."""
    orders, residents = list(orders), list(residents)
    every = {order.rules for order in orders} | {resident.rules for resident in residents}
    selectors = sorted(set().union(*(rules.selectors() for rules in every)), key=_group)
    if not selectors:
        return orders, ()
    found = [replace(order, company=_company(order, selectors)) for order in orders]
    companions = sorted(_companion(resident, selectors) for resident in residents)
    return found, tuple(c for c in companions if c.groups or c.apart)


def _company(order: Order, selectors: list[Selector]) -> Company:
    labels, rules = dict(order.labels), order.rules
    groups = tuple(s.group for s in selectors if s.matches(order.namespace, labels))
    if not groups and not any(rules):
        return ALONE
    return Company(
        groups,
        _near(rules.apart),
        _near(rules.together),
        tuple(sorted((s.topology, s.selector.group, *s[2:]) for s in rules.spread)),
    )


def _companion(resident: Resident, selectors: list[Selector]) -> Companion:
    node, namespace, labels, rules = resident
    groups = tuple(s.group for s in selectors if s.matches(namespace, labels))
    return Companion(node, groups, _near(rules.apart))


def _near(rules: Iterable[Near]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(rule.topology, rule.selector.group) for rule in rules}))


def _group(selector: Selector) -> str:
    return selector.group
