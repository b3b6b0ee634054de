"""Defaults of batch/v1 Jobs, and the selector that a new one gets.

Source: k8s.io/kubernetes/pkg/apis/batch/v1/defaults.go and pkg/registry/batch/job/strategy.go.
Next: `others.py`.
"""

from __future__ import annotations

from typing import Final

from busbar.apis.kubernetes.schemas.defaults.pod import default_pod_spec
from busbar.model.objects import Object, name_of, uid_of

_UID_LABELS: Final = ("controller-uid", "batch.kubernetes.io/controller-uid")
_NAME_LABELS: Final = ("job-name", "batch.kubernetes.io/job-name")
_MAX_INT32: Final = 2**31 - 1


def default_job(obj: Object) -> None:
    """Fill in a Job."""
    spec = obj.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", _MAX_INT32 if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault(
        "podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    )
    template = spec.setdefault("template", {})
    default_labels(obj)
    default_pod_spec(template.setdefault("spec", {}))


def default_labels(obj: Object) -> None:
    """Give a Job without labels those of its pods, in place."""
    labels = (obj["spec"]["template"].get("metadata") or {}).get("labels")
    meta = obj.setdefault("metadata", {})
    if labels and not meta.get("labels"):
        meta["labels"] = dict(labels)


def select_own_pods(obj: Object) -> None:
    """Give a new Job the selector and template labels that only its own pods carry, in place.

    Needs the uid; a Job with `manualSelector: true` brings its own.
    """
    spec = obj["spec"]
    if spec.get("manualSelector"):
        return
    template = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for label in _UID_LABELS:
        template[label] = uid_of(obj)
    for label in _NAME_LABELS:
        template[label] = name_of(obj)
    selector = spec.setdefault("selector", {})
    selector.setdefault("matchLabels", {})[_UID_LABELS[1]] = uid_of(obj)
    default_labels(obj)
