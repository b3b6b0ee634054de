"""Defaults, as the API server fills them in. Each changes the object it is given, in place.

A fresh object comes in, never a stored one. Applying them twice changes nothing the second
time, so that what a client reads back can be written again. Start at `pod.py`; next on the
way: `../checks/`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from busbar.apis.kubernetes.schemas.defaults.job import default_job
from busbar.apis.kubernetes.schemas.defaults.others import default_namespace, default_secret
from busbar.apis.kubernetes.schemas.defaults.own import default_own
from busbar.apis.kubernetes.schemas.defaults.pod import default_pod
from busbar.apis.kubernetes.schemas.defaults.replicas import (
    default_deployment,
    default_replica_set,
)
from busbar.apis.kubernetes.schemas.shapes import Shape
from busbar.model.objects import Object
from busbar.model.resources import Resource

_DEFAULTS: Final[dict[tuple[str, str], Callable[[Object], None]]] = {
    ("", "Pod"): default_pod,
    ("", "Namespace"): default_namespace,
    ("", "Secret"): default_secret,
    ("batch", "Job"): default_job,
    ("apps", "Deployment"): default_deployment,
    ("apps", "ReplicaSet"): default_replica_set,
}


def apply_defaults(resource: Resource, shape: Shape, obj: Object) -> None:
    """Fill in what the client left out, in place."""
    fill = _DEFAULTS.get((resource.stored_group, resource.stored_kind))
    if fill is not None:
        fill(obj)
    elif resource.version != "v1":
        default_own(shape, obj)
