"""Paths to resources, by dictionary: no pattern is matched per request.

/api/v1/…, /apis/GROUP/VERSION/…, then PLURAL[/NAME[/SUBRESOURCE]] or
namespaces/NAMESPACE/PLURAL[/NAME[/SUBRESOURCE]]. Next: `authentication.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from busbar.model.resources import RESOURCES, Resource

GET: Final = "get"
LIST: Final = "list"
WATCH: Final = "watch"
CREATE: Final = "create"
UPDATE: Final = "update"
PATCH: Final = "patch"
DELETE: Final = "delete"
DELETE_COLLECTION: Final = "deletecollection"

VERBS: Final = (GET, LIST, WATCH, CREATE, UPDATE, PATCH, DELETE, DELETE_COLLECTION)

_ON_OBJECT: Final = {"GET": GET, "HEAD": GET, "PUT": UPDATE, "PATCH": PATCH, "DELETE": DELETE}
_ON_COLLECTION: Final = {"GET": LIST, "HEAD": LIST, "POST": CREATE, "DELETE": DELETE_COLLECTION}
_ON_SUBRESOURCE: Final = {"GET": GET, "POST": CREATE, "PUT": UPDATE, "PATCH": PATCH}


class Route(NamedTuple):
    """What a path names. `namespace` and `name` are "" where the path has none."""

    resource: Resource
    namespace: str
    name: str
    subresource: str

    def verb(self, method: str) -> str | None:
        """Give the API verb of a method on this path; None where it has none."""
        if self.subresource:
            return _ON_SUBRESOURCE.get(method)
        return (_ON_OBJECT if self.name else _ON_COLLECTION).get(method)


def subresources(resource: Resource) -> tuple[str, ...]:
    """Give the subresources of a resource."""
    more = _MORE.get(resource.collection, ()) if resource.group == resource.stored_group else ()
    return (*(("status",) if resource.has_status else ()), *more)


_MORE: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "pods"): ("binding", "eviction", "log"),
    ("", "serviceaccounts"): ("token",),
    ("apps", "deployments"): ("scale",),
    ("apps", "replicasets"): ("scale",),
}


class Router:
    """Resolves paths over a set of resources."""

    def __init__(self, resources: tuple[Resource, ...] = RESOURCES) -> None:
        self._by_version: dict[tuple[str, str], dict[str, Resource]] = {}
        for resource in resources:
            version = self._by_version.setdefault((resource.group, resource.version), {})
            version[resource.plural] = resource
        self._subresources = {(r.group, r.plural): frozenset(subresources(r)) for r in resources}

    def resolve(self, path: str) -> Route | None:
        """Give what a path names; None where nothing is served there."""
        parts = path.split("/")
        if parts[-1] == "":
            parts.pop()
        if len(parts) > 3 and parts[1] == "api":
            plurals, rest = self._by_version.get(("", parts[2])), parts[3:]
        elif len(parts) > 4 and parts[1] == "apis" and parts[2]:
            plurals, rest = self._by_version.get((parts[2], parts[3])), parts[4:]
        else:
            return None
        if plurals is None or not all(rest):
            return None
        return self._within(plurals, rest)

    def _within(self, plurals: dict[str, Resource], rest: list[str]) -> Route | None:
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            inner = plurals.get(rest[2])
            if inner is not None and inner.namespaced:
                namespace, rest = rest[1], rest[2:]
        resource = plurals.get(rest[0])
        if resource is None or len(rest) > 3:
            return None
        name = rest[1] if len(rest) > 1 else ""
        if name and resource.namespaced and not namespace:
            return None
        subresource = rest[2] if len(rest) > 2 else ""
        if subresource and subresource not in self._subresources[resource.group, resource.plural]:
            return None
        return Route(resource, namespace, name, subresource)
