"""Which field of which message has which number, for the kinds that kubectl sends.

The facts are in `messages.json`, taken from the field descriptors that clients carry (Kubernetes
1.32; numbers are never reused). A field is written `name type`; a type is `int`, `bool`, `str`,
`bytes` or a message; `*` repeats; `{type}` is a map with string keys; `!` keeps zeros, which
for other fields mean "not set"; the name `-` puts the message's fields into the one around it.
Next: `values.py`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

_KINDS: Final = {
    ("", "v1"): (
        "core.v1.",
        ("Namespace", "Node", "Pod", "ConfigMap", "Secret", "ServiceAccount", "Event", "Binding"),
    ),
    ("batch", "v1"): ("batch.v1.", ("Job",)),
    ("apps", "v1"): ("apps.v1.", ("Deployment", "ReplicaSet")),
    ("autoscaling", "v1"): ("autoscaling.v1.", ("Scale",)),
    ("coordination.k8s.io", "v1"): ("coordination.v1.", ("Lease",)),
    ("policy", "v1"): ("policy.v1.", ("Eviction", "PodDisruptionBudget")),
    ("policy", "v1beta1"): ("policy.v1beta1.", ("Eviction",)),
    ("authorization.k8s.io", "v1"): (
        "authorization.v1.",
        ("SelfSubjectAccessReview", "SelfSubjectRulesReview"),
    ),
    ("authentication.k8s.io", "v1"): (
        "authentication.v1.",
        ("SelfSubjectReview", "TokenRequest"),
    ),
}
_DELETE_OPTIONS: Final = "DeleteOptions"
"""Sent in the version of whatever is deleted."""


class Field(NamedTuple):
    """A field: its JSON name ("-" inline), type, and how it occurs."""

    name: str
    type: str
    repeated: bool
    is_map: bool
    keeps_zero: bool


def message_of(api_version: str, kind: str) -> str:
    """Give the message of a kind; "" where there is none that we know."""
    if kind == _DELETE_OPTIONS:
        return "meta.v1.DeleteOptions"
    group, _, version = api_version.rpartition("/")
    prefix, kinds = _KINDS.get((group, version), ("", ()))
    return prefix + kind if kind in kinds else ""


@cache
def _table() -> dict[str, dict[str, str]]:
    path = files(__package__) / "messages.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])


@cache
def message(name: str) -> dict[int, Field]:
    """Give the fields of a message by number; LookupError where it is not in the table."""
    return {int(number): _field(text) for number, text in _table()[name].items()}


def _field(text: str) -> Field:
    name, _, kind = text.partition(" ")
    is_map = kind.startswith("{")
    return Field(
        name=name,
        type=kind.strip("{}*!"),
        repeated=kind.endswith("*"),
        is_map=is_map,
        keeps_zero=kind.endswith("!"),
    )
