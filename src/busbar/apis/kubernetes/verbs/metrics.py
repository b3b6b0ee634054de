"""`metrics.k8s.io/v1beta1`: PodMetrics and NodeMetrics, which `kubectl top` asks for.

Made of what the board holds at the moment; they have no revision, cannot be watched and are not
stored. A Pod or node of which nothing was heard lately is not listed. Source: kubernetes.io,
"Kubernetes Metrics (v1beta1)". Next: `logs.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.apis.kubernetes import encoding, routes
from busbar.apis.kubernetes.authorization import Attributes, authorize
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.object_checks import visible
from busbar.apis.kubernetes.routes import Route
from busbar.apis.kubernetes.selectors import BadSelector, both, by_labels
from busbar.apis.kubernetes.statuses import (
    bad_request,
    forbidden,
    method_not_allowed,
    not_found,
    not_served,
)
from busbar.apis.kubernetes.verbs.shared import denied
from busbar.model.objects import Key, Object, labels_of, name_of, namespace_of
from busbar.model.resources import Resource
from busbar.model.time import SECOND, format_instant
from busbar.model.use import Observed, Rate

GROUP: Final = "metrics.k8s.io"
VERSION: Final = "v1beta1"
PREFIX: Final = f"/apis/{GROUP}/{VERSION}/"
PODS: Final = Resource(GROUP, VERSION, "PodMetrics", "pods", "pod", True)
NODES: Final = Resource(GROUP, VERSION, "NodeMetrics", "nodes", "node", False)


async def metrics(door: Door, call: Call) -> Response:
    """Answer a question about use."""
    route = _route(call.path)
    if route is None:
        raise not_served(call.path)
    if call.method not in ("GET", "HEAD"):
        raise method_not_allowed(call.method, call.path)
    if call.query and call.flag("watch"):
        raise bad_request("metrics cannot be watched; ask again after a while")
    call.route, call.verb = route, routes.GET if route.name else routes.LIST
    resource, namespace, name, _ = route
    asked = Attributes(call.verb, GROUP, resource.plural, "", namespace, name)
    verdict = authorize(call.role, asked)
    if not verdict.allowed:
        raise forbidden(resource, name, denied(call, verdict.reason))
    call.check = verdict.check
    return await (_one(door, call) if name else _many(door, call))


def _route(path: str) -> Route | None:
    """Read `nodes[/NAME]`, `pods` or `namespaces/NAMESPACE/pods[/NAME]`."""
    match path[len(PREFIX) :].rstrip("/").split("/"):
        case ["nodes"]:
            return Route(NODES, "", "", "")
        case ["nodes", name] if name:
            return Route(NODES, "", name, "")
        case ["pods"]:
            return Route(PODS, "", "", "")
        case ["namespaces", namespace, "pods", *rest] if namespace and len(rest) < 2:
            return Route(PODS, namespace, rest[0] if rest else "", "")
    return None


async def _one(door: Door, call: Call) -> Response:
    resource, namespace, name, _ = call.route
    obj = await door.store.get(Key("", resource.plural, namespace, name))
    sees = visible(call.role, call.check)
    seen = None if obj is None or (sees is not None and not sees(obj)) else obj
    told = None if seen is None else _told(door, resource, seen)
    if told is None:
        raise not_found(resource, name)
    return Response(encoding.dumps(told))


async def _many(door: Door, call: Call) -> Response:
    resource = call.route.resource
    if call.query.get("fieldSelector"):
        raise bad_request("metrics are selected by labels; fieldSelector is not supported")
    try:
        chosen = by_labels(call.query.get("labelSelector", ""))
    except BadSelector as error:
        raise bad_request(str(error)) from None
    where = both(visible(call.role, call.check), chosen)
    namespace = call.route.namespace or None
    page = await door.store.list("", resource.plural, namespace, where=where)
    items = [told for obj in page.items if (told := _told(door, resource, obj)) is not None]
    kind, version = f"{resource.kind}List", resource.api_version
    return Response(
        encoding.dumps({"kind": kind, "apiVersion": version, "metadata": {}, "items": items})
    )


def _told(door: Door, resource: Resource, obj: Object) -> dict[str, Any] | None:
    if door.use is None:
        return None
    if resource is NODES:
        found = door.use.node(name_of(obj), door.clock())
        return None if found is None else {**_head(resource, obj, found), "usage": _usage(found, 0)}
    found = door.use.pod(obj, door.clock())
    if found is None:
        return None
    containers = [
        {"name": rate.name, "usage": _usage(found, number)}
        for number, rate in enumerate(found.rates)
    ]
    return {**_head(resource, obj, found), "containers": containers}


def _head(resource: Resource, obj: Object, found: Observed) -> dict[str, Any]:
    at = format_instant(found.at)
    meta: dict[str, Any] = {"name": name_of(obj), "creationTimestamp": at}
    if resource.namespaced:
        meta["namespace"] = namespace_of(obj)
    if labels := labels_of(obj):
        meta["labels"] = labels
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": meta,
        "timestamp": at,
        "window": f"{max(1, round(found.window_ms / SECOND))}s",
    }


def _usage(found: Observed, number: int) -> dict[str, str]:
    rate: Rate = found.rates[number]
    return {"cpu": f"{rate.cpu_nano}n", "memory": f"{-(-rate.memory_bytes // 1024)}Ki"}
