"""Who may do what: one table per role, and what a table alone cannot decide, named. Pure.

Roles: operator (all), member of namespaces, vendor, node; a service account is a member of its
namespace. A rule either allows or allows *if* a check on the object holds (`Check`); the checks
are in `object_checks.py`. Everything else is refused with a sentence.

What is said of objects that are not the caller's: members get 403 for foreign namespaces before
anything is looked up, so names there stay secret; nodes get 404 for Pods that are not bound to
them, exactly as for Pods that do not exist; offers, vendors and nodes are public by name, so 403.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from busbar.apis.kubernetes import routes
from busbar.apis.kubernetes.ports import Identity
from busbar.model.wellknown import (
    ALIAS_GROUP,
    GROUP,
    MEMBER_GROUP_PREFIX,
    NAMESPACE_LEASES,
    NODE_PREFIX,
    NODES,
    OPERATORS,
    VENDOR_PREFIX,
    VENDORS,
)


class Attributes(NamedTuple):
    """What is asked: a verb on a resource; `namespace` and `name` are "" where there is none."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Check(Enum):
    """What must hold of the object as well; `object_checks.py` has each as a predicate."""

    NONE = "nothing more"
    OWN_NAME = "the object's name is the caller's"
    OWN_OFFER = "spec.vendor is the caller, before and after"
    OWN_NODES = "the Node belongs to the vendor"
    OWN_NODES_BACK = "the Node is the vendor's, and only taking it back changes"
    OWN_NAMESPACE = "the Namespace is one the caller is a member of"
    NODE_LIMITS = "the Node's identity, place and size stay as joined"
    BOUND_POD = "the Pod is bound to the node"
    BOUND_AND_ENDING = "the Pod is bound to the node and being deleted"
    REFERENCED = "a Pod bound to the node names it"
    ABOUT_BOUND_POD = "the Event is about the node or a Pod bound to it"


class Verdict(NamedTuple):
    """Allowed or not; `check` is what must hold as well, `reason` the sentence of a no."""

    allowed: bool
    reason: str = ""
    check: Check = Check.NONE


class Kind(Enum):
    """The roles."""

    OPERATOR = "operator"
    MEMBER = "member"
    VENDOR = "vendor"
    NODE = "node"
    NOBODY = "nobody"


class Role(NamedTuple):
    """What an identity is to the exchange. `name` is the vendor's or the node's."""

    kind: Kind
    name: str = ""
    namespaces: frozenset[str] = frozenset()


class Rule(NamedTuple):
    """Verbs on resources of a group (a subresource is written `pods/log`)."""

    group: str
    resources: frozenset[str]
    verbs: frozenset[str]
    check: Check = Check.NONE


def _rule(group: str, resources: str, verbs: str, check: Check = Check.NONE) -> Rule:
    named = frozenset(_VERBS.get(verbs, verbs.split()))
    return Rule(group, frozenset(resources.split()), named, check)


_READ: Final = (routes.GET, routes.LIST, routes.WATCH)
_VERBS: Final = {"read": _READ, "all": routes.VERBS}

_PUBLIC: Final = (
    _rule(GROUP, "books clearings feeschedules forwardcurves pricehistories", "read"),
    _rule(GROUP, "auditors attestations", "read"),
    _rule(GROUP, "attestations", "create"),
)
"""The market in public. Whoever takes part may bring a signed statement: the signature is what
is believed, not the caller."""

MEMBER_INSIDE: Final = (
    _rule(GROUP, "useprofiles", "read"),
    _rule(GROUP, "advices", "get list watch update patch delete"),
    _rule(GROUP, "advices/status useprofiles/status", "get"),
    _rule("", "pods configmaps secrets serviceaccounts", "all"),
    _rule("", "pods/log pods/status", "get"),
    _rule("", "serviceaccounts/token pods/eviction", "create"),
    _rule("", "events", "read"),
    _rule("coordination.k8s.io", "leases", "all"),
    _rule("metrics.k8s.io", "pods", "get list"),
    _rule("batch", "jobs", "all"),
    _rule("batch", "jobs/status", "get"),
    _rule("apps", "deployments replicasets", "all"),
    _rule("apps", "deployments/status replicasets/status", "get"),
    _rule("apps", "deployments/scale replicasets/scale", "get update patch"),
    _rule("policy", "poddisruptionbudgets", "all"),
    _rule("policy", "poddisruptionbudgets/status", "get"),
    _rule(GROUP, "jobs buckets procurements", "all"),
    _rule(
        GROUP,
        "jobs/status buckets/status accounts/status contracts/status procurements/status",
        "get",
    ),
    _rule(GROUP, "accounts contracts", "read"),
    _rule(GROUP, "quotereviews orderreviews", "create"),
)
"""In a member's own namespace. Status, accounts and contracts are the exchange's to write."""

MEMBER_OUTSIDE: Final = (
    *_PUBLIC,
    _rule(GROUP, "offers vendors", "read"),
    _rule("", "namespaces", "read", Check.OWN_NAMESPACE),
)

VENDOR: Final = (
    *_PUBLIC,
    _rule(GROUP, "offers", "all", Check.OWN_OFFER),
    _rule(GROUP, "offers/status", "get", Check.OWN_OFFER),
    _rule(GROUP, "vendoradvices", "get list watch update patch delete", Check.OWN_OFFER),
    _rule(GROUP, "vendoradvices/status", "get", Check.OWN_OFFER),
    _rule(GROUP, "vendors", "get list watch update patch", Check.OWN_NAME),
    _rule(GROUP, "vendors/status", "get", Check.OWN_NAME),
    _rule("", "nodes", "read", Check.OWN_NODES),
    _rule("", "nodes", "update patch", Check.OWN_NODES_BACK),
    _rule("metrics.k8s.io", "nodes", "get list", Check.OWN_NODES),
)

NODE: Final = (
    _rule("", "nodes nodes/status", "get", Check.OWN_NAME),
    _rule("", "nodes nodes/status", "update patch", Check.NODE_LIMITS),
    _rule("", "pods", "read", Check.BOUND_POD),
    _rule("", "pods/status", "get update patch", Check.BOUND_POD),
    _rule("", "pods", "delete", Check.BOUND_AND_ENDING),
    _rule("", "secrets configmaps", "get", Check.REFERENCED),
    _rule(GROUP, "buckets", "get", Check.REFERENCED),
    _rule("", "events", "create patch update", Check.ABOUT_BOUND_POD),
)
NODE_LEASE: Final = (
    _rule("coordination.k8s.io", "leases", "get create update patch", Check.OWN_NAME),
)


@lru_cache(maxsize=4096)
def role_of(identity: Identity) -> Role:
    """Give what an identity is; the strongest role where it could be several."""
    groups, user = identity.groups, identity.user
    if OPERATORS in groups:
        return Role(Kind.OPERATOR)
    if NODES in groups and user.startswith(NODE_PREFIX):
        return Role(Kind.NODE, user[len(NODE_PREFIX) :])
    if VENDORS in groups and user.startswith(VENDOR_PREFIX):
        return Role(Kind.VENDOR, user[len(VENDOR_PREFIX) :])
    namespaces = frozenset(
        group[len(MEMBER_GROUP_PREFIX) :]
        for group in groups
        if group.startswith(MEMBER_GROUP_PREFIX)
    )
    return Role(Kind.MEMBER, "", namespaces) if namespaces else Role(Kind.NOBODY)


def authorize(role: Role, asked: Attributes) -> Verdict:
    """Decide on a request, as far as it can be without the object."""
    if role.kind is Kind.OPERATOR:
        return Verdict(True)
    rule = _rule_for(role, asked._replace(name=""))
    return Verdict(False, _why_not(role, asked)) if rule is None else _narrowed(role, asked, rule)


@lru_cache(maxsize=4096)
def _rule_for(role: Role, asked: Attributes) -> Rule | None:
    return next((rule for rule in rules(role, asked.namespace) if _matches(rule, asked)), None)


def rules(role: Role, namespace: str) -> tuple[Rule, ...]:
    """Give the rules that a role has in a namespace ("" for none)."""
    if role.kind is Kind.MEMBER:
        inside = MEMBER_INSIDE if namespace in role.namespaces else ()
        return (*inside, *MEMBER_OUTSIDE)
    if role.kind is Kind.VENDOR:
        return VENDOR
    if role.kind is Kind.NODE:
        return (*NODE, *NODE_LEASE) if namespace == NAMESPACE_LEASES else NODE
    return ()


def _matches(rule: Rule, asked: Attributes) -> bool:
    named = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    group = GROUP if asked.group == ALIAS_GROUP else asked.group
    return rule.group == group and asked.verb in rule.verbs and named in rule.resources


def _narrowed(role: Role, asked: Attributes, rule: Rule) -> Verdict:
    """Decide what the name alone already tells."""
    by_name = rule.check in (Check.OWN_NAME, Check.NODE_LIMITS)
    if by_name and asked.name and asked.name != role.name:
        return Verdict(False, f"{role.kind.value} {role.name} may touch only its own")
    if rule.check is Check.OWN_NAMESPACE and asked.name and asked.name not in role.namespaces:
        return Verdict(False, _members_only(role))
    return Verdict(True, check=rule.check)


def _members_only(role: Role) -> str:
    return f"members may touch only their own namespaces ({', '.join(sorted(role.namespaces))})"


def _why_not(role: Role, asked: Attributes) -> str:
    if role.kind is Kind.MEMBER:
        if asked.namespace and asked.namespace not in role.namespaces:
            return _members_only(role)
        if not asked.namespace and any(
            asked.verb in rule.verbs and asked.resource in rule.resources for rule in MEMBER_INSIDE
        ):
            return f"{_members_only(role)}; name one with --namespace"
        return "members may not do this; the exchange or an operator does"
    if role.kind is Kind.VENDOR:
        return "vendors may write their own offers, take their nodes back, and read the market"
    if role.kind is Kind.NODE:
        return (
            "nodes may touch only their own Node and Lease, the Pods bound to them, "
            "and what those Pods name"
        )
    return (
        "the user has no role here: operators are in the group "
        f"{OPERATORS}, members of a namespace in {MEMBER_GROUP_PREFIX}NAMESPACE"
    )
