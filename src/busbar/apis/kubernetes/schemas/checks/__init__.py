"""Validation beyond the schema: what the API server checks and users run into.

One function per kind, `(obj, old) -> errors`, `old` being None for a create. Objects come here
read and defaulted. What the project's own kinds mean is checked in `../../admission/terms.py`.
Start at `metadata.py`; next on the way: `../../patches/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from busbar.apis.kubernetes.schemas.checks.config import check_config_map, check_secret
from busbar.apis.kubernetes.schemas.checks.job import check_job
from busbar.apis.kubernetes.schemas.checks.metadata import check_metadata_update, check_name
from busbar.apis.kubernetes.schemas.checks.others import check_event, check_lease, check_node
from busbar.apis.kubernetes.schemas.checks.pod import check_pod
from busbar.apis.kubernetes.schemas.checks.replicas import (
    check_deployment,
    check_disruption_budget,
    check_replica_set,
)
from busbar.apis.kubernetes.schemas.refusals import FieldError
from busbar.model.objects import Object
from busbar.model.resources import Resource

Check = Callable[[Object, Object | None], Iterable[FieldError]]

_CHECKS: Final[dict[tuple[str, str], Check]] = {
    ("", "Pod"): check_pod,
    ("", "ConfigMap"): check_config_map,
    ("", "Secret"): check_secret,
    ("", "Event"): check_event,
    ("", "Node"): check_node,
    ("coordination.k8s.io", "Lease"): check_lease,
    ("batch", "Job"): check_job,
    ("apps", "Deployment"): check_deployment,
    ("apps", "ReplicaSet"): check_replica_set,
    ("policy", "PodDisruptionBudget"): check_disruption_budget,
}


def validate(resource: Resource, obj: Object, old: Object | None = None) -> list[FieldError]:
    """Give everything that is wrong with an object that is read and defaulted."""
    errors = check_name(resource, obj)
    if old is not None:
        errors += check_metadata_update(obj, old)
    check = _CHECKS.get((resource.stored_group, resource.stored_kind))
    if check is not None:
        errors += check(obj, old)
    return errors
