"""What is served, told to clients: the lists of groups, versions and resources.

Built once from the table of resources. Two forms: the aggregated one (kubectl from 1.26 on asks
for it) and the plain lists that older clients want. Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes import encoding, routes
from busbar.apis.kubernetes.calls import JSON, Response
from busbar.apis.kubernetes.negotiation import parse_accept
from busbar.apis.kubernetes.verbs import metrics
from busbar.apis.kubernetes.verbs.reviews import AUTHENTICATION, REVIEWS, VERSION
from busbar.model.resources import RESOURCES, Resource
from busbar.model.resources import REVIEWS as OWN_REVIEWS

AGGREGATED_GROUP: Final = "apidiscovery.k8s.io"
_AGGREGATED_KIND: Final = "APIGroupDiscoveryList"
_READ_ONLY: Final = (routes.GET, routes.LIST, routes.WATCH)
_SUBRESOURCE_VERBS: Final = {
    "status": ("get", "patch", "update"),
    "log": ("get",),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "scale": ("get", "patch", "update"),
}
_SUBRESOURCE_KINDS: Final = {
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": (AUTHENTICATION, "v1", "TokenRequest"),
    "scale": ("autoscaling", "v1", "Scale"),
}


class Described(NamedTuple):
    """A resource as discovery tells it."""

    name: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, str, str], ...] = ()
    """(name, group, version, kind) of each."""


GroupVersion = tuple[str, str]


def described(resources: Iterable[Resource] = RESOURCES) -> dict[GroupVersion, list[Described]]:
    """Give what is served by group and version."""
    found: dict[GroupVersion, list[Described]] = {}
    for resource in resources:
        entry = Described(
            resource.plural,
            resource.kind,
            resource.namespaced,
            _READ_ONLY if resource.read_only else tuple(sorted(routes.VERBS)),
            resource.singular,
            resource.short_names,
            resource.categories,
            tuple(_subresource(resource, name) for name in routes.subresources(resource)),
        )
        found.setdefault((resource.group, resource.version), []).append(entry)
    for resource in OWN_REVIEWS:
        review = Described(resource.plural, resource.kind, True, ("create",), resource.singular)
        found.setdefault((resource.group, resource.version), []).append(review)
    for (group, plural), (kind, _) in REVIEWS.items():
        review = Described(plural, kind, False, ("create",), kind.lower())
        found.setdefault((group, VERSION), []).append(review)
    for resource in (metrics.NODES, metrics.PODS):
        told = Described(resource.plural, resource.kind, resource.namespaced, ("get", "list"))
        found.setdefault((metrics.GROUP, metrics.VERSION), []).append(told)
    return found


def _subresource(resource: Resource, name: str) -> tuple[str, str, str, str]:
    default = (resource.group, resource.version, resource.kind)
    return (name, *_SUBRESOURCE_KINDS.get(name, default))


class Discovery:
    """The documents, as bytes."""

    def __init__(self, resources: Iterable[Resource] = RESOURCES) -> None:
        self._served = described(resources)
        self._documents = dict(self._plain())
        self._aggregated = {
            (path, version): encoding.dumps(_aggregated(self._of(path), version))
            for path in ("/api", "/apis")
            for version in ("v2", "v2beta1")
        }

    def answer(self, path: str, accept: str) -> Response | None:
        """Give the document at a path in the form asked for; None where there is none."""
        path = path.rstrip("/")
        if path in ("/api", "/apis"):
            version = _aggregated_version(accept)
            if version:
                form = f";g={AGGREGATED_GROUP};v={version};as={_AGGREGATED_KIND}"
                return Response(self._aggregated[path, version], content_type=JSON + form.encode())
        document = self._documents.get(path)
        return None if document is None else Response(document)

    def _of(self, path: str) -> dict[str, list[tuple[str, list[Described]]]]:
        """Give group → [(version, resources)] of what is below /api or /apis."""
        groups: dict[str, list[tuple[str, list[Described]]]] = {}
        for (group, version), entries in self._served.items():
            if (group == "") == (path == "/api"):
                groups.setdefault(group, []).append((version, entries))
        return groups

    def _plain(self) -> Iterable[tuple[str, bytes]]:
        core = [version for group, version in self._served if not group]
        cidr = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
        versions = {"kind": "APIVersions", "versions": core, "serverAddressByClientCIDRs": cidr}
        yield "/api", encoding.dumps(versions)
        groups = [
            _group(group, [version for version, _ in versions])
            for group, versions in self._of("/apis").items()
        ]
        listed = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        yield "/apis", encoding.dumps(listed)
        for group in groups:
            alone = {"kind": "APIGroup", "apiVersion": "v1", **group}
            yield f"/apis/{group['name']}", encoding.dumps(alone)
        for (name, version), entries in self._served.items():
            path = f"/apis/{name}/{version}" if name else f"/api/{version}"
            yield path, encoding.dumps(_resource_list(name, version, entries))


def _aggregated_version(accept: str) -> str:
    """Give the version of the aggregated form preferred to the plain one; "" if none is."""
    for media in parse_accept(accept[:1024]):
        if media.name not in ("application/json", "*/*"):
            continue
        params = media.params
        if params.get("as") == _AGGREGATED_KIND and params.get("g") == AGGREGATED_GROUP:
            if params.get("v") in ("v2", "v2beta1"):
                return params["v"]
        elif "as" not in params:
            return ""
    return ""


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(group: str, version: str, entries: list[Described]) -> dict[str, Any]:
    resources: list[dict[str, Any]] = []
    for entry in entries:
        main: dict[str, Any] = {
            "name": entry.name,
            "singularName": entry.singular,
            "namespaced": entry.namespaced,
            "kind": entry.kind,
            "verbs": list(entry.verbs),
        }
        if entry.short_names:
            main["shortNames"] = list(entry.short_names)
        if entry.categories:
            main["categories"] = list(entry.categories)
        resources.append(main)
        resources.extend(
            _plain_subresource(group, version, entry, sub) for sub in entry.subresources
        )
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def _plain_subresource(
    group: str, version: str, entry: Described, sub: tuple[str, str, str, str]
) -> dict[str, Any]:
    name, of_group, of_version, kind = sub
    told: dict[str, Any] = {
        "name": f"{entry.name}/{name}",
        "singularName": "",
        "namespaced": entry.namespaced,
        "kind": kind,
        "verbs": list(_SUBRESOURCE_VERBS[name]),
    }
    if (of_group, of_version) != (group, version):
        told.update(group=of_group, version=of_version)
    return told


def _aggregated(
    groups: dict[str, list[tuple[str, list[Described]]]], version: str
) -> dict[str, Any]:
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None},
            "versions": [
                {
                    "version": served,
                    "freshness": "Current",
                    "resources": [_aggregated_resource(group, served, one) for one in entries],
                }
                for served, entries in versions
            ],
        }
        for group, versions in groups.items()
    ]
    return {
        "kind": _AGGREGATED_KIND,
        "apiVersion": f"{AGGREGATED_GROUP}/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(group: str, version: str, entry: Described) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resource": entry.name,
        "responseKind": {"group": group, "version": version, "kind": entry.kind},
        "scope": "Namespaced" if entry.namespaced else "Cluster",
        "singularResource": entry.singular,
        "verbs": list(entry.verbs),
    }
    if entry.short_names:
        told["shortNames"] = list(entry.short_names)
    if entry.categories:
        told["categories"] = list(entry.categories)
    if entry.subresources:
        told["subresources"] = [
            {
                "subresource": name,
                "responseKind": {"group": of_group, "version": of_version, "kind": kind},
                "verbs": list(_SUBRESOURCE_VERBS[name]),
            }
            for name, of_group, of_version, kind in entry.subresources
        ]
    return told
