"""PUT and PATCH: an object becomes another, if nobody was faster. Next: `delete.py`.

A write without a resourceVersion is tried again after a conflict, as the API server does.
"""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes import bodies
from busbar.apis.kubernetes.admission.admit import admit
from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.admission.stamps import stamped
from busbar.apis.kubernetes.authorization import Attributes, authorize
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.routes import CREATE
from busbar.apis.kubernetes.statuses import (
    conflict,
    forbidden,
    of_store,
    unsupported_media,
)
from busbar.apis.kubernetes.verbs.create import store_new
from busbar.apis.kubernetes.verbs.shared import (
    answered,
    check_write,
    denied,
    fetch,
    fresh,
    key_of,
    look_up,
    render,
    revision_of,
    writer,
)
from busbar.model.objects import Object, is_deleting, metadata
from busbar.store.contract import Committed, Delete, Put, Transaction, Why


async def update(door: Door, call: Call) -> Response:
    """Replace an object (or its status) by the body."""
    route = call.route
    raw = await call.body(door.settings)
    content_type = call.header(b"content-type")
    served, by = door.registry.served(route.resource), writer(door, call)
    for _ in range(door.settings.patch_attempts):
        old = await fetch(door, call)
        body = bodies.parse(raw, content_type)
        result = writes.update(served, body, old, by, subresource=route.subresource)
        prepared = answered(route.resource, route.name, result)
        response = await _store(door, call, old, prepared)
        if response is not None:
            return response
    raise conflict(route.resource, route.name)


async def patch(door: Door, call: Call) -> Response:
    """Change an object (or its status) by a patch; a server-side apply may create it."""
    route = call.route
    patch_type = call.header(b"content-type").partition(";")[0].strip().lower()
    if patch_type not in writes.PATCH_TYPES:
        raise unsupported_media(patch_type, " or ".join(writes.PATCH_TYPES))
    raw = await call.body(door.settings)
    by = writer(door, call)
    for _ in range(door.settings.patch_attempts):
        old = await look_up(door, call)
        body: Any = bodies.parse_json(raw)
        prepared = answered(
            route.resource,
            route.name,
            writes.patch(
                door.registry.served(route.resource),
                patch_type,
                body,
                old,
                by,
                name=route.name,
                fresh=fresh(door, call, names=False),
                subresource=route.subresource,
            ),
        )
        if old is None:
            return await _create_applied(door, call, prepared)
        response = await _store(door, call, old, prepared)
        if response is not None:
            return response
    raise conflict(route.resource, route.name)


async def _create_applied(door: Door, call: Call, prepared: writes.Prepared) -> Response:
    """Store what an apply brought into being; the caller must be allowed to create, too."""
    route = call.route
    resource = route.resource
    asked = Attributes(CREATE, resource.group, resource.plural, "", route.namespace, route.name)
    verdict = authorize(call.role, asked)
    if not verdict.allowed:
        raise forbidden(resource, route.name, denied(call, verdict.reason))
    call.warnings.extend(prepared.warnings)
    return await store_new(door, call, prepared.obj)


async def _store(door: Door, call: Call, old: Object, prepared: writes.Prepared) -> Response | None:
    """Admit and store a prepared object; None where somebody was faster."""
    route = call.route
    new = stamped(Change(route.resource, call.role, old, prepared.obj, door.clock()))
    await check_write(door, call, old, new)
    if not route.subresource:
        refused = admit(Change(route.resource, call.role, old, new, door.clock()))
        if refused is not None:
            raise refused
    if not prepared.changed or call.is_dry_run:
        call.warnings.extend(prepared.warnings)
        return render(door, call, new, is_stored=not prepared.changed)
    key = key_of(call)
    ends = finished(new)
    change = Delete(key, revision_of(old)) if ends else Put(key, new, revision_of(old))
    result = await door.store.commit(Transaction((change,)))
    if isinstance(result, Committed):
        call.warnings.extend(prepared.warnings)
        if ends:
            return render(door, call, new, is_stored=False)
        return render(door, call, result.objects[0], body=b"".join(result.bodies[:1]))
    if result.why in (Why.CONFLICT, Why.NOT_FOUND):
        return None
    raise of_store(route.resource, route.name, result, key)


def finished(obj: Object) -> bool:
    """Say whether deletion was asked for and nothing holds the object any more."""
    meta = metadata(obj)
    if not is_deleting(obj) or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    # A Namespace goes when its controller has emptied it.
    return bool(obj["kind"] != "Namespace")
