"""Pods, and what an update of one may change.

Source: k8s.io/kubernetes/pkg/apis/core/validation (ValidatePodSpec, ValidatePodUpdate).
Next: `job.py`.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.checks.containers import check_containers
from busbar.apis.kubernetes.schemas.checks.metadata import check_labels
from busbar.apis.kubernetes.schemas.checks.volumes import check_volumes
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    forbidden,
    invalid,
    required,
    unsupported,
)
from busbar.model.objects import Object, spec_of

RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
DNS_POLICIES: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_OPERATORS: Final = ("Exists", "Equal")
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_MAY_CHANGE: Final = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a Pod; `old` is what an update would replace."""
    if old is not None:
        before, after = spec_of(old), spec_of(obj)
        if before == after:
            return []
        return _check_spec_update(after, before) + check_pod_spec(after, "spec")
    return check_pod_spec(spec_of(obj), "spec")


def check_pod_spec(spec: dict[str, Any], path: str) -> list[FieldError]:
    """Check the spec of a pod or of a pod template."""
    volumes = spec.get("volumes") or []
    errors = check_volumes(volumes, f"{path}.volumes") if volumes else []
    errors += check_containers(spec, path, {volume.get("name") or "" for volume in volumes})
    if spec.get("restartPolicy") not in RESTART_POLICIES:
        value = spec.get("restartPolicy") or ""
        errors.append(unsupported(f"{path}.restartPolicy", value, RESTART_POLICIES))
    if spec.get("dnsPolicy") not in DNS_POLICIES:
        errors.append(unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy") or "", DNS_POLICIES))
    errors += _check_numbers(spec, path)
    if "nodeSelector" in spec:
        errors += check_labels(spec["nodeSelector"], f"{path}.nodeSelector")
    for field in ("nodeName", "serviceAccountName"):
        if spec.get(field) and (wrong := names.wrong_subdomain(spec[field])):
            errors.append(invalid(f"{path}.{field}", spec[field], wrong))
    for field in ("hostname", "subdomain"):
        if spec.get(field) and (wrong := names.wrong_label_name(spec[field])):
            errors.append(invalid(f"{path}.{field}", spec[field], wrong))
    return errors + check_tolerations(spec.get("tolerations") or [], f"{path}.tolerations")


def _check_numbers(spec: dict[str, Any], path: str) -> list[FieldError]:
    errors = []
    deadline, grace = spec.get("activeDeadlineSeconds"), spec.get("terminationGracePeriodSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        why = "must be between 1 and 2147483647, inclusive"
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, why))
    if grace is None:
        errors.append(required(f"{path}.terminationGracePeriodSeconds"))
    elif grace < 0:
        why = "must be greater than or equal to 0"
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, why))
    return errors


def check_tolerations(tolerations: list[dict[str, Any]], path: str) -> list[FieldError]:
    """Check what the schema does not say of tolerations."""
    errors = []
    for index, toleration in enumerate(tolerations):
        at = f"{path}[{index}]"
        operator = toleration.get("operator") or "Equal"
        if operator not in _OPERATORS:
            errors.append(unsupported(f"{at}.operator", operator, _OPERATORS))
        if operator == "Exists" and toleration.get("value"):
            why = "value must be empty when `operator` is 'Exists'"
            errors.append(invalid(f"{at}.operator", toleration["value"], why))
        if not toleration.get("key") and operator != "Exists":
            why = 'operator must be Exists when `key` is empty, which means "match all values"'
            errors.append(invalid(f"{at}.operator", operator, why))
        effect = toleration.get("effect")
        if effect and effect not in _EFFECTS:
            errors.append(unsupported(f"{at}.effect", effect, _EFFECTS))
    return errors


def _check_spec_update(after: dict[str, Any], before: dict[str, Any]) -> list[FieldError]:
    errors = []
    new_limit, old_limit = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if old_limit is not None and (new_limit is None or new_limit > old_limit):
        why = "must be less than or equal to previous value"
        errors.append(invalid("spec.activeDeadlineSeconds", new_limit, why))
    kept = {_text(one) for one in before.get("tolerations") or ()}
    if not kept <= {_text(one) for one in after.get("tolerations") or ()}:
        why = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden("spec.tolerations", why))
    if _frozen(after) != _frozen(before):
        why = f"pod updates may not change fields other than {_MAY_CHANGE}"
        errors.append(forbidden("spec", why))
    return errors


def _text(toleration: dict[str, Any]) -> bytes:
    """Give a toleration as what it can be told apart by; its time may change."""
    told = {k: v for k, v in toleration.items() if k != "tolerationSeconds"}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _frozen(spec: dict[str, Any]) -> dict[str, Any]:
    """Give the spec without what an update may change."""
    rest = {k: v for k, v in spec.items() if k not in ("activeDeadlineSeconds", "tolerations")}
    if (rest.get("terminationGracePeriodSeconds") or 0) < 0:
        rest["terminationGracePeriodSeconds"] = 1
    for field in ("containers", "initContainers"):
        if field in rest:
            rest[field] = [{**container, "image": ""} for container in rest[field]]
    return rest
