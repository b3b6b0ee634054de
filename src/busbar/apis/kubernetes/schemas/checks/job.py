"""batch/v1 Jobs, and what an update of one may change.

Source: k8s.io/kubernetes/pkg/apis/batch/validation. Next: `others.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.apis.kubernetes.schemas.checks.metadata import check_labels
from busbar.apis.kubernetes.schemas.checks.pod import check_pod_spec
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    invalid,
    required,
    too_many,
    unsupported,
)
from busbar.model.objects import Object, spec_of

_MODES: Final = ("NonIndexed", "Indexed")
_COUNTS: Final = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_PARALLELISM_MAX: Final = 100_000
_IMMUTABLE: Final = ("completions", "selector", "completionMode", "backoffLimitPerIndex")
_SUSPENDED_MAY: Final = ("nodeSelector", "affinity", "tolerations", "schedulingGates")


def check_job(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a Job; `old` is what an update would replace."""
    spec = spec_of(obj)
    if old is not None and spec == spec_of(old):
        return []
    errors = _check_counts(spec)
    errors += _check_template(spec.get("template") or {})
    errors += _check_selector(spec)
    if old is not None:
        errors += _check_update(spec, spec_of(old))
    return errors


def _check_counts(spec: dict[str, Any]) -> list[FieldError]:
    errors = [
        invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0")
        for field in _COUNTS
        if (spec.get(field) or 0) < 0
    ]
    mode = spec.get("completionMode")
    if mode not in _MODES:
        errors.append(unsupported("spec.completionMode", mode or "", _MODES))
    if mode == "Indexed":
        if spec.get("completions") is None:
            why = "when completion mode is Indexed"
            errors.append(required("spec.completions", why))
        elif (spec.get("parallelism") or 0) > _PARALLELISM_MAX:
            errors.append(too_many("spec.parallelism", spec["parallelism"], _PARALLELISM_MAX))
    return errors


def _check_template(template: dict[str, Any]) -> list[FieldError]:
    spec = template.get("spec") or {}
    errors = check_pod_spec(spec, "spec.template.spec")
    labels = (template.get("metadata") or {}).get("labels") or {}
    errors += check_labels(labels, "spec.template.metadata.labels")
    policy = spec.get("restartPolicy")
    if policy == "Always":
        why = 'valid values: "OnFailure", "Never"'
        errors.append(required("spec.template.spec.restartPolicy", why))
    return errors


def _check_selector(spec: dict[str, Any]) -> list[FieldError]:
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    template = (spec.get("template") or {}).get("metadata") or {}
    labels = template.get("labels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        why = "`selector` does not match template `labels`"
        return [invalid("spec.template.metadata.labels", labels, why)]
    return []


def _check_update(spec: dict[str, Any], before: dict[str, Any]) -> list[FieldError]:
    errors = [
        invalid(f"spec.{field}", spec.get(field), "field is immutable")
        for field in _IMMUTABLE
        if spec.get(field) != before.get(field)
    ]
    template, was = spec.get("template") or {}, before.get("template") or {}
    if before.get("suspend"):
        template, was = _without_placement(template), _without_placement(was)
    if template != was:
        errors.append(invalid("spec.template", template, "field is immutable"))
    return errors


def _without_placement(template: dict[str, Any]) -> dict[str, Any]:
    """Give a template without what may change while the Job is suspended."""
    spec = {k: v for k, v in (template.get("spec") or {}).items() if k not in _SUSPENDED_MAY}
    return {"spec": spec}
