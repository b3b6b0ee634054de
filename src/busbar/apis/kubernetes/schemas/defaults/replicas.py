"""Defaults of apps/v1 Deployments and ReplicaSets.

Source: k8s.io/kubernetes/pkg/apis/apps/v1/defaults.go. Next: `others.py`.
"""

from __future__ import annotations

from busbar.apis.kubernetes.schemas.defaults.pod import default_pod_spec
from busbar.model.objects import Object


def default_deployment(obj: Object) -> None:
    """Fill in a Deployment."""
    default_replica_set(obj)
    spec = obj["spec"]
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def default_replica_set(obj: Object) -> None:
    """Fill in a ReplicaSet."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template = spec.setdefault("template", {})
    default_pod_spec(template.setdefault("spec", {}))
