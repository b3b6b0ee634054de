"""apps/v1 Deployments and ReplicaSets, policy/v1 PodDisruptionBudgets.

Source: k8s.io/kubernetes/pkg/apis/apps/validation and pkg/apis/policy/validation.
Next: `others.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.checks.metadata import check_labels
from busbar.apis.kubernetes.schemas.checks.pod import check_pod_spec
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    forbidden,
    invalid,
    required,
    unsupported,
)
from busbar.model.errors import InvalidField
from busbar.model.labels import OPERATORS, selects
from busbar.model.objects import Object, spec_of
from busbar.model.shares import share

_COUNTS: Final = (
    "replicas",
    "minReadySeconds",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
)
_STRATEGIES: Final = ("RollingUpdate", "Recreate")
_UNHEALTHY: Final = ("IfHealthyBudget", "AlwaysAllow")
_VALUED: Final = ("In", "NotIn")


def check_deployment(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a Deployment."""
    spec = spec_of(obj)
    if old is not None and spec == spec_of(old):
        return []
    errors = _check_replicated(spec) + _check_strategy(spec.get("strategy") or {})
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and 0 <= deadline <= ready:
        why = "must be greater than minReadySeconds"
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, why))
    return errors


def check_replica_set(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a ReplicaSet."""
    spec = spec_of(obj)
    return [] if old is not None and spec == spec_of(old) else _check_replicated(spec)


def _check_replicated(spec: dict[str, Any]) -> list[FieldError]:
    errors = [
        invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0")
        for field in _COUNTS
        if (spec.get(field) or 0) < 0
    ]
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    errors += check_selector(spec.get("selector"), "spec.selector")
    if not errors and not selects(spec["selector"], labels):
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, why))
    errors += check_labels(labels, "spec.template.metadata.labels")
    return errors + _check_pods(template.get("spec") or {})


def _check_pods(spec: dict[str, Any]) -> list[FieldError]:
    path = "spec.template.spec"
    errors = check_pod_spec(spec, path)
    if spec.get("restartPolicy") != "Always":
        errors.append(
            unsupported(f"{path}.restartPolicy", spec.get("restartPolicy") or "", ("Always",))
        )
    if spec.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in a service's template: it would end what is to run on"
        errors.append(forbidden(f"{path}.activeDeadlineSeconds", why))
    return errors


def check_selector(selector: Mapping[str, Any] | None, path: str) -> list[FieldError]:
    """Check a label selector that must say something."""
    if not selector or not any(selector.values()):
        why = "empty selector is invalid: it would select every Pod of the namespace"
        return [invalid(path, selector or {}, why)]
    errors = check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, rule in enumerate(selector.get("matchExpressions") or ()):
        errors += _check_rule(rule, f"{path}.matchExpressions[{index}]")
    return errors


def _check_rule(rule: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    if wrong := names.wrong_qualified_name(rule.get("key") or ""):
        errors.append(invalid(f"{path}.key", rule.get("key"), wrong))
    operator, values = rule.get("operator"), rule.get("values") or []
    if operator not in OPERATORS:
        errors.append(unsupported(f"{path}.operator", operator or "", OPERATORS))
    elif operator in _VALUED and not values:
        errors.append(required(f"{path}.values", "must be specified when operator is In or NotIn"))
    elif operator not in _VALUED and values:
        why = "may not be specified when operator is Exists or DoesNotExist"
        errors.append(forbidden(f"{path}.values", why))
    return errors


def _check_strategy(strategy: Mapping[str, Any]) -> list[FieldError]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        return [unsupported("spec.strategy.type", kind or "", _STRATEGIES)]
    if kind == "Recreate":
        if rolling is None:
            return []
        why = "may not be specified when strategy type is Recreate"
        return [forbidden("spec.strategy.rollingUpdate", why)]
    errors, found = list[FieldError](), []
    for field in ("maxUnavailable", "maxSurge"):
        path, value = f"spec.strategy.rollingUpdate.{field}", (rolling or {}).get(field)
        errors += _check_share(value, path)
        found.append(value in (0, "0%"))
    if not errors and all(found):
        why = "may not be 0 when maxSurge is 0"
        errors.append(invalid("spec.strategy.rollingUpdate.maxUnavailable", 0, why))
    if not errors and isinstance(rolling, dict) and _beyond(rolling.get("maxUnavailable")):
        path = "spec.strategy.rollingUpdate.maxUnavailable"
        errors.append(invalid(path, rolling["maxUnavailable"], "must not be greater than 100%"))
    return errors


def _beyond(value: object) -> bool:
    return isinstance(value, str) and share(value, 100, up=False) > 100


def _check_share(value: object, path: str) -> list[FieldError]:
    try:
        share(value, 100, path, up=True)
    except InvalidField as wrong:
        return [invalid(path, value, wrong.message)]
    return []


def check_disruption_budget(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a PodDisruptionBudget."""
    spec, errors = spec_of(obj), list[FieldError]()
    if old is not None and spec == spec_of(old):
        return []
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        why = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid("spec", {"minAvailable": least, "maxUnavailable": most}, why))
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            errors += _check_share(value, f"spec.{field}")
            if not errors and _beyond(value):
                errors.append(invalid(f"spec.{field}", value, "must not be greater than 100%"))
    policy = spec.get("unhealthyPodEvictionPolicy", _UNHEALTHY[0])
    if policy not in _UNHEALTHY:
        errors.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, _UNHEALTHY))
    selector = spec.get("selector")
    if selector and any(selector.values()):
        errors += check_selector(selector, "spec.selector")
    return errors
