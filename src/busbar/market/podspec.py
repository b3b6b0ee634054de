"""What of a Pod's spec the market reads beside its requests: tolerations and the node selector.

Source: kubernetes.io, "Taints and Tolerations". Next: `podrules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_BLOCKING = ("NoSchedule", "NoExecute")


class Taint(NamedTuple):
    """A node's taint that keeps new work away (NoSchedule, NoExecute)."""

    key: str
    value: str
    effect: str


class Toleration(NamedTuple):
    """A Pod's toleration; empty key with Exists tolerates everything, empty effect any effect."""

    key: str
    operator: str
    value: str
    effect: str

    def tolerates(self, taint: Taint) -> bool:
        """Say whether the taint does not keep the Pod away."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.operator == "Exists":
            return self.key in ("", taint.key)
        return self.key == taint.key and self.value == taint.value


def tolerations_of(spec: Mapping[str, Any]) -> tuple[Toleration, ...]:
    """Read the tolerations, in an order that does not depend on how they were written."""
    found = {
        Toleration(
            str(entry.get("key") or ""),
            str(entry.get("operator") or "Equal"),
            str(entry.get("value") or ""),
            str(entry.get("effect") or ""),
        )
        for entry in spec.get("tolerations") or ()
    }
    return tuple(sorted(found))


def taints_of(node_spec: Mapping[str, Any]) -> tuple[Taint, ...]:
    """Read the taints that keep new work away."""
    taints = (
        Taint(str(t.get("key") or ""), str(t.get("value") or ""), str(t.get("effect") or ""))
        for t in node_spec.get("taints") or ()
    )
    return tuple(taint for taint in taints if taint.effect in _BLOCKING)


def selector_of(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Read the node selector, sorted."""
    return tuple(sorted((str(k), str(v)) for k, v in (spec.get("nodeSelector") or {}).items()))
