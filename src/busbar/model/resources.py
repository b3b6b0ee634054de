"""Which resource serves which kind, in which group, and how it is named.

Doors, store and controllers all go by this table. Next: `kinds/`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.kinds import OWN_KINDS, OWN_REVIEWS
from busbar.model.objects import Key, Object, name_of, namespace_of


class Resource(NamedTuple):
    """A served resource. `stored_group`/`stored_kind` differ where it is an alias."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    has_status: bool = False
    read_only: bool = False
    categories: tuple[str, ...] = ()
    stored_group: str = ""
    stored_kind: str = ""
    stored_version: str = ""

    @property
    def api_version(self) -> str:
        """Give `group/version`, or the bare version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored_api_version(self) -> str:
        """Give the apiVersion under which the objects are stored."""
        group = self.stored_group
        return f"{group}/{self.stored_version}" if group else self.stored_version

    @property
    def collection(self) -> tuple[str, str]:
        """Give (group, plural) of the stored objects: the first two parts of their keys."""
        return (self.stored_group, self.plural)

    def key(self, namespace: str, name: str) -> Key:
        """Give the key of an object of this resource."""
        return Key(self.stored_group, self.plural, namespace if self.namespaced else "", name)


def _plain(
    group: str,
    kind: str,
    plural: str,
    namespaced: bool = True,
    short: tuple[str, ...] = (),
    *,
    status: bool = False,
    version: str = "v1",
    categories: tuple[str, ...] = (),
) -> Resource:
    singular = kind.lower()
    return Resource(
        group,
        version,
        kind,
        plural,
        singular,
        namespaced,
        short,
        status,
        categories=categories,
        stored_group=group,
        stored_kind=kind,
        stored_version=version,
    )


_ALL = ("all",)
"""The category of `kubectl get all`."""
_KUBERNETES = (
    _plain("", "Namespace", "namespaces", False, ("ns",), status=True),
    _plain("", "Node", "nodes", False, ("no",), status=True),
    _plain("", "Pod", "pods", True, ("po",), status=True, categories=_ALL),
    _plain("", "ConfigMap", "configmaps", True, ("cm",)),
    _plain("", "Secret", "secrets"),
    _plain("", "ServiceAccount", "serviceaccounts", True, ("sa",)),
    _plain("", "Event", "events", True, ("ev",)),
    _plain("coordination.k8s.io", "Lease", "leases"),
    _plain("batch", "Job", "jobs", True, status=True, categories=_ALL),
    _plain("apps", "Deployment", "deployments", True, ("deploy",), status=True, categories=_ALL),
    _plain("apps", "ReplicaSet", "replicasets", True, ("rs",), status=True, categories=_ALL),
    _plain("policy", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), status=True),
)


def _own() -> list[Resource]:
    found = []
    for own in OWN_KINDS:
        main = Resource(
            own.group,
            own.version,
            own.kind,
            own.plural,
            own.singular,
            own.namespaced,
            own.short_names,
            own.status is not None,
            own.read_only,
            ("busbar",),
            own.group,
            own.kind,
            own.version,
        )
        found.append(main)
        for group, kind in own.aliases:
            found.append(main._replace(group=group, kind=kind, short_names=(), categories=()))
    return found


RESOURCES: tuple[Resource, ...] = (*_KUBERNETES, *_own())
"""Everything served, aliases included."""

REVIEWS: tuple[Resource, ...] = tuple(
    Resource(
        own.group,
        own.version,
        own.kind,
        own.plural,
        own.singular,
        own.namespaced,
        stored_group=own.group,
        stored_kind=own.kind,
        stored_version=own.version,
    )
    for own in OWN_REVIEWS
)
"""What may be asked of the exchange by creating it. No object of them is ever stored, so they
are in no other table here: neither store nor controllers know them."""

BY_COLLECTION: dict[tuple[str, str], Resource] = {
    (r.group, r.plural): r for r in RESOURCES if r.group == r.stored_group
}
BY_KIND: dict[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in RESOURCES}


def key_of(obj: Object) -> Key:
    """Give the key of a stored object; KeyError where its kind is not served."""
    resource = BY_KIND[(obj["apiVersion"], obj["kind"])]
    return resource.key(namespace_of(obj), name_of(obj))
