"""Label selectors of Kubernetes: which labels they select, and how they are written as text.

Source: kubernetes.io, "Labels and Selectors". Next: `shares.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Say whether a LabelSelector selects labels: none at all selects nothing, an empty one all."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(rule, labels) for rule in selector.get("matchExpressions") or ())


def _meets(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = rule.get("key"), rule.get("values") or ()
    match rule.get("operator"):
        case "In":
            return labels.get(str(key)) in values
        case "NotIn":
            return labels.get(str(key)) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Write a LabelSelector as clients pass it on: `app=web,tier in (a,b)`."""
    chosen = selector or {}
    parts = [f"{key}={value}" for key, value in sorted((chosen.get("matchLabels") or {}).items())]
    for rule in chosen.get("matchExpressions") or ():
        values = ",".join(sorted(rule.get("values") or ()))
        key = rule.get("key")
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": f"{key}",
                "DoesNotExist": f"!{key}",
            }.get(str(rule.get("operator")), "")
        )
    return ",".join(parts)
