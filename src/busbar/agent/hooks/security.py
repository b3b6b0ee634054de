"""Who a Pod's containers are: `securityContext` of the Pod and of each container. Pure.

Source: Kubernetes' v1.PodSecurityContext and v1.SecurityContext; what a container says wins. Ids
are those inside the Pod's user namespace, which has 65,536 of them: no other can be given.
Next: `volumes.py` for the group of volumes, `containers.py` for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.runtimes.contract import IDS
from busbar.model.objects import Object, containers_of, spec_of

_STRICT = "Strict"


class Identity(NamedTuple):
    """Who a container's first process is."""

    user: str
    """A uid, or the image's word; empty: root."""
    group: int | None
    """None: that of the user."""
    groups: tuple[int, ...]
    """Further groups."""
    only_these_groups: bool
    """Those of the image's /etc/group do not count."""
    not_root: bool
    """Refuse to be root."""


def identity(pod: Object, container: Object, image_user: str) -> Identity:
    """Give who a container runs as; raises `PodRefused` where no such id can be given."""
    spec = spec_of(pod)
    whole, own = spec.get("securityContext") or {}, container.get("securityContext") or {}
    path = f"spec.containers[{container['name']}].securityContext"
    user = _either(own, whole, "runAsUser", path)
    group = _either(own, whole, "runAsGroup", path)
    further = whole.get("supplementalGroups") or ()
    groups = [_id(gid, "spec.securityContext.supplementalGroups") for gid in further]
    shared = fs_group(pod)
    if shared is not None:
        groups.append(shared)
    not_root = own.get("runAsNonRoot", whole.get("runAsNonRoot"))
    return Identity(
        image_user if user is None else str(user),
        group,
        tuple(dict.fromkeys(groups)),
        whole.get("supplementalGroupsPolicy") == _STRICT,
        bool(not_root),
    )


def fs_group(pod: Object) -> int | None:
    """Give the group that a Pod's volumes belong to; None: root's."""
    whole = spec_of(pod).get("securityContext") or {}
    gid = whole.get("fsGroup")
    return None if gid is None else _id(gid, "spec.securityContext.fsGroup")


def check(pod: Object) -> None:
    """Refuse a Pod that asks for ids it cannot have, before anything is made for it."""
    for container in containers_of(spec_of(pod)):
        identity(pod, container, "")


def only_user(pod: Object, image_users: Mapping[str, str]) -> int | None:
    """Give the uid that every container of a Pod runs as; None where they are several.

    `image_users` is each image's word by its reference. None as well for root, who may become
    anybody, and for a name, which only the image's own files explain.
    """
    containers = containers_of(spec_of(pod))
    users = (identity(pod, c, image_users[c["image"]]).user for c in containers)
    numbers = {user.partition(":")[0] for user in users}
    number = numbers.pop() if len(numbers) == 1 else ""
    known = number.isascii() and number.isdecimal() and 0 < int(number) < IDS
    return int(number) if known else None


def _either(own: dict[str, Any], whole: dict[str, Any], field: str, path: str) -> int | None:
    if own.get(field) is not None:
        return _id(own[field], f"{path}.{field}")
    if whole.get(field) is not None:
        return _id(whole[field], f"spec.securityContext.{field}")
    return None


def _id(number: int, path: str) -> int:
    if not 0 <= number < IDS:
        raise PodRefused(
            Reason.INVALID_POD,
            f"{path}: {number} is none of the ids that a Pod has here, 0 to {IDS - 1}; "
            "choose one of these",
        )
    return number
