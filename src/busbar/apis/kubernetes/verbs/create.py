"""POST to a collection: an object comes into being. Next: `update.py`."""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes import bodies
from busbar.apis.kubernetes.admission.admit import admit
from busbar.apis.kubernetes.admission.attestations import ATTESTATIONS, refusal, rests_on
from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.admission.stamps import stamped
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.schemas.cautions import cautions
from busbar.apis.kubernetes.statuses import (
    already_exists,
    invalid,
    namespace_not_found,
    namespace_terminating,
    of_store,
)
from busbar.apis.kubernetes.verbs.shared import (
    NAMESPACE,
    answered,
    check_write,
    fresh,
    name_suffix,
    render,
    revision_of,
    writer,
)
from busbar.model.objects import Key, Object, is_deleting, metadata, name_of, with_metadata
from busbar.store.contract import ABSENT, Committed, Put, Require, Transaction, Why

_ATTEMPTS = 8


async def create(door: Door, call: Call) -> Response:
    """Create an object from the body."""
    resource = call.route.resource
    raw = await call.body(door.settings)
    body = bodies.parse(raw, call.header(b"content-type"))
    generate = _generated(body)
    served, new = door.registry.served(resource), fresh(door, call, names=bool(generate))
    prepared = answered(resource, generate, writes.create(served, body, new, writer(door, call)))
    call.warnings.extend(prepared.warnings)
    return await store_new(door, call, prepared.obj, generate)


def _generated(body: Any) -> str:
    """Give generateName where the body leaves the name to the server, else ""."""
    meta = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(meta, dict) or meta.get("name"):
        return ""
    prefix = meta.get("generateName")
    return prefix if isinstance(prefix, str) else ""


async def store_new(door: Door, call: Call, obj: Object, generate: str = "") -> Response:
    """Admit a prepared object, store it, and answer 201."""
    resource = call.route.resource
    obj = stamped(Change(resource, call.role, None, obj, door.clock()))
    refused = admit(Change(resource, call.role, None, obj, door.clock()))
    if refused is not None:
        raise refused
    if resource.collection == ATTESTATIONS:
        await _verify(door, call, obj)
    call.warnings.extend(cautions(obj))
    await check_write(door, call, None, obj)
    for _ in range(_ATTEMPTS):
        name = name_of(obj)
        key = resource.key(call.route.namespace, name)
        guard = await _namespace_guard(door, call, name)
        if call.is_dry_run:
            if await door.store.get(key) is not None:
                raise already_exists(resource, name)
            return render(door, call, obj, 201, is_stored=False)
        result = await door.store.commit(Transaction((*guard, Put(key, obj, ABSENT))))
        if isinstance(result, Committed):
            return render(door, call, result.objects[0], 201, body=b"".join(result.bodies[:1]))
        taken = result.why is Why.ALREADY_EXISTS or (
            result.why is Why.CONFLICT and result.key == key
        )
        if taken and not generate:
            raise already_exists(resource, name)
        if not taken and (not guard or result.key != guard[0].key):
            raise of_store(resource, name, result, key)
        if taken:
            obj = with_metadata(obj, name=generate[:58] + name_suffix(door.new_uid()))
    raise already_exists(resource, name_of(obj))


async def _verify(door: Door, call: Call, obj: Object) -> None:
    """Refuse a signed statement that does not count: with keys and subject as they are now."""
    auditor_key, subject_key = rests_on(obj)
    auditor = await door.store.get(auditor_key)
    subject = await door.store.get(subject_key) if subject_key is not None else None
    errors = refusal(obj, auditor, subject, door.clock())
    if errors:
        raise invalid(call.route.resource, name_of(obj), errors)


async def _namespace_guard(door: Door, call: Call, name: str) -> tuple[Require, ...]:
    """Insist, in the same transaction, that the namespace is there and stays as it was seen."""
    route = call.route
    if not route.resource.namespaced:
        return ()
    key = Key(*NAMESPACE, "", route.namespace)
    namespace = await door.store.get(key)
    if namespace is None:
        raise namespace_not_found(route.namespace)
    if is_deleting(namespace) or metadata(namespace).get("deletionTimestamp"):
        raise namespace_terminating(route.resource, name, route.namespace)
    return (Require(key, revision_of(namespace)),)
