"""I10 for services: after faults stop, there are as many Pods as are wanted, of the right template.

Next: `history.py`.
"""

from __future__ import annotations

from busbar.controllers.deployments.hours import hours_of
from busbar.controllers.deployments.rollout import limits_of
from busbar.controllers.parts.pods import is_final
from busbar.controllers.settings import Settings
from busbar.model.objects import (
    Object,
    controller_of,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.simulator.checks.base import insist
from busbar.store.view import View


def check_services(view: View, settings: Settings, now: Instant) -> None:
    """Check Deployments and ReplicaSets of a cloud that was left alone for long enough."""
    for replica_set in view.list("apps", "replicasets"):
        _check_set(view, replica_set)
    for deployment in view.list("apps", "deployments"):
        is_wanted = hours_of(deployment, now, settings.hours_ahead_ms).is_wanted
        _check_deployment(view, deployment, spec_of(deployment)["replicas"] if is_wanted else 0)
    for budget in view.list("policy", "poddisruptionbudgets"):
        _was_looked_at(budget)


def _check_set(view: View, replica_set: Object) -> None:
    pods = [
        pod
        for pod in view.list("", "pods", namespace_of(replica_set))
        if (controller_of(pod) or {}).get("uid") == uid_of(replica_set)
    ]
    there = sum(not is_final(pod) and not is_deleting(pod) for pod in pods)
    wanted, name = spec_of(replica_set)["replicas"], name_of(replica_set)
    _was_looked_at(replica_set)
    insist(there == wanted, "I10", f"replica set {name} has {there} pods, {wanted} are wanted")
    counted = status_of(replica_set).get("replicas")
    insist(counted == there, "I10", f"replica set {name} says it has {counted} pods, not {there}")


def _check_deployment(view: View, deployment: Object, wanted: int) -> None:
    name, spec = name_of(deployment), spec_of(deployment)
    _was_looked_at(deployment)
    mine = [
        one
        for one in view.list("apps", "replicasets", namespace_of(deployment))
        if (controller_of(one) or {}).get("uid") == uid_of(deployment)
    ]
    total = sum(spec_of(one)["replicas"] for one in mine)
    limits = limits_of(deployment, wanted)
    most = max(limits.most, 0)
    insist(total <= most, "I10", f"deployment {name} has {total} pods, {most} are the most")
    available = status_of(deployment).get("availableReplicas") or 0
    if spec.get("paused") or available < total:
        return
    insist(
        total == limits.replicas,
        "I10",
        f"deployment {name}: all {total} pods are available, {limits.replicas} are wanted",
    )
    alive = sum(bool(spec_of(one)["replicas"]) for one in mine)
    insist(alive <= 1, "I10", f"deployment {name} is available and still runs {alive} templates")


def _was_looked_at(obj: Object) -> None:
    name = f"{obj['kind']} {name_of(obj)}"
    insist(not is_deleting(obj), "I10", f"{name} is being deleted for ever")
    seen = status_of(obj).get("observedGeneration")
    insist(seen == metadata(obj).get("generation"), "I10", f"{name} was never looked at as it is")
