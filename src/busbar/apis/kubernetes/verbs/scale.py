"""The scale subresource: how many replicas are wanted, read and written as a Scale.

What `kubectl scale` and autoscalers of Kubernetes use. Only `spec.replicas` can be written here.
Source: k8s.io/kubernetes/pkg/registry/apps/deployment/storage. Next: `../discovery.py`.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from busbar.apis.kubernetes import bodies, encoding
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.json_patch import CannotPatch, json_patch
from busbar.apis.kubernetes.patches.merge_patch import merge_patch
from busbar.apis.kubernetes.schemas.decoding import decode
from busbar.apis.kubernetes.schemas.refusals import MODIFIED, unprocessable
from busbar.apis.kubernetes.schemas.refusals import invalid as field_invalid
from busbar.apis.kubernetes.statuses import (
    RefusedRequest,
    bad_request,
    conflict,
    of_store,
    unsupported_media,
)
from busbar.apis.kubernetes.statuses import invalid as unfit
from busbar.apis.kubernetes.verbs.shared import answered, fetch, key_of, revision_of, writer
from busbar.model.labels import selector_text
from busbar.model.objects import Object, metadata, spec_of, status_of
from busbar.store.contract import Committed, Put, Transaction, Why

AUTOSCALING: Final = "autoscaling"
_KEPT: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def get(door: Door, call: Call) -> Response:
    """Read the scale."""
    return Response(encoding.dumps(scale_of(await fetch(door, call))))


async def update(door: Door, call: Call) -> Response:
    """Replace the scale."""
    raw = await call.body(door.settings)
    body = bodies.parse(raw, call.header(b"content-type"))
    return await _write(door, call, lambda _: body)


async def patch(door: Door, call: Call) -> Response:
    """Change the scale by a patch."""
    kind = call.header(b"content-type").partition(";")[0].strip().lower()
    change = {writes.JSON_PATCH: json_patch, writes.MERGE_PATCH: merge_patch}.get(kind)
    if change is None:
        raise unsupported_media(kind, f"{writes.JSON_PATCH} or {writes.MERGE_PATCH}")
    body: Any = bodies.parse_json(await call.body(door.settings))
    return await _write(door, call, lambda scale: _patched(change, scale, body))


def scale_of(obj: Object) -> Object:
    """Give the Scale of a Deployment or ReplicaSet."""
    meta = metadata(obj)
    return {
        "kind": "Scale",
        "apiVersion": f"{AUTOSCALING}/v1",
        "metadata": {field: meta[field] for field in _KEPT if field in meta},
        "spec": {"replicas": int(spec_of(obj).get("replicas", 1))},
        "status": {
            "replicas": int(status_of(obj).get("replicas") or 0),
            "selector": selector_text(spec_of(obj).get("selector")),
        },
    }


def _patched(change: Any, scale: Object, body: Any) -> Any:
    try:
        return orjson.loads(orjson.dumps(change(scale, body)))
    except (CannotPatch, orjson.JSONEncodeError) as wrong:
        raise bad_request(f"the patch cannot be applied: {wrong}") from None


async def _write(door: Door, call: Call, change: Any) -> Response:
    route = call.route
    served, by = door.registry.served(route.resource), writer(door, call)
    for _ in range(door.settings.patch_attempts):
        old = await fetch(door, call)
        replicas = _wanted(door, call, old, change(scale_of(old)))
        body = orjson.loads(orjson.dumps(old))
        body["spec"]["replicas"] = replicas
        prepared = answered(route.resource, route.name, writes.update(served, body, old, by))
        if not prepared.changed or call.is_dry_run:
            return Response(encoding.dumps(scale_of(prepared.obj)))
        put = Put(key_of(call), prepared.obj, revision_of(old))
        result = await door.store.commit(Transaction((put,)))
        if isinstance(result, Committed):
            return Response(encoding.dumps(scale_of(result.objects[0])))
        if result.why not in (Why.CONFLICT, Why.NOT_FOUND):
            raise of_store(route.resource, route.name, result, key_of(call))
    raise conflict(route.resource, route.name)


def _wanted(door: Door, call: Call, old: Object, scale: Any) -> int:
    """Read how many replicas a Scale wants; refuses one that means another object or state."""
    resource, name = call.route.resource, call.route.name
    if not isinstance(scale, dict) or scale.get("kind", "Scale") != "Scale":
        raise bad_request("the body must be an object of kind Scale")
    shape = door.registry.review(AUTOSCALING, "v1", "Scale")
    if shape is None:
        raise LookupError("the schemas know no Scale")
    decoded = decode(shape, scale)
    if decoded.mistakes:
        raise RefusedRequest(unprocessable("Scale", AUTOSCALING, name, decoded.mistakes))
    meta = metadata(decoded.obj)
    for field in ("name", "namespace", "uid"):
        if meta.get(field) and meta[field] != metadata(old).get(field):
            raise bad_request(f"the {field} of the Scale is not that of the object on the URL")
    version = meta.get("resourceVersion")
    if version and version != metadata(old).get("resourceVersion"):
        raise conflict(resource, name, MODIFIED)
    replicas = int(spec_of(decoded.obj).get("replicas") or 0)
    if replicas < 0:
        why = "must be greater than or equal to 0"
        raise unfit(resource, name, [field_invalid("spec.replicas", replicas, why)])
    return replicas
