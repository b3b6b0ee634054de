"""DELETE: of one object, or of all that selectors choose. Next: `get.py`.

An object goes at once, unless finalizers hold it, it is a Pod on a node (the agent then has the
grace period to stop it), or a Namespace (its content goes first). Dependents are the garbage
collector's; the finalizers `orphan` and `foregroundDeletion` tell it what was asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.apis.kubernetes import bodies, encoding
from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.admission.reserved import may_not_delete
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, unsupported
from busbar.apis.kubernetes.statuses import (
    RefusedRequest,
    bad_request,
    conflict,
    forbidden,
    not_found,
    of_store,
)
from busbar.apis.kubernetes.statuses import invalid as unprocessable
from busbar.apis.kubernetes.verbs.list import select
from busbar.apis.kubernetes.verbs.shared import check_write, key_of, render, revision_of
from busbar.model.objects import (
    Key,
    Object,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
    with_metadata,
)
from busbar.model.resources import Resource
from busbar.model.time import format_instant
from busbar.store.contract import Committed, Delete, Put, Transaction, Why

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_POLICIES = ("Foreground", "Background", "Orphan")
_GRACE_DEFAULT = 30
_GRACE_MAX = 24 * 3600


class Options(NamedTuple):
    """How to delete: DeleteOptions, as far as they are used."""

    grace: int | None = None
    policy: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    is_dry_run: bool = False


class Outcome(NamedTuple):
    """What is left of an object after its deletion was asked for; None where nothing is."""

    left: Object | None


async def delete(door: Door, call: Call) -> Response:
    """Delete an object, or ask for its end."""
    options = await _options(door, call)
    for _ in range(door.settings.patch_attempts):
        old = await door.store.get(key_of(call))
        await check_write(door, call, old, None)
        if old is None:
            raise not_found(call.route.resource, call.route.name)
        outcome = await _delete_one(door, call, old, options)
        if outcome is not None:
            left = outcome.left
            if left is None:
                return _gone(call, old)
            return render(door, call, left, is_stored=False)
    raise conflict(call.route.resource, call.route.name)


async def delete_collection(door: Door, call: Call) -> Response:
    """Delete everything that the selectors choose; one that resists stops it."""
    options = await _options(door, call)
    chosen = await select(door, call)
    resource = call.route.resource
    for obj in chosen.items:
        await delete_for_sure(door, call, obj, options)
    items = (door.encoder.served(resource, obj) for obj in chosen.items)
    meta = encoding.list_meta(chosen.revision)
    kind = f"{resource.kind}List"
    return Response(encoding.list_bytes(kind, resource.api_version, meta, items))


async def delete_for_sure(door: Door, call: Call, obj: Object, options: Options) -> None:
    """Delete an object, however often others change it meanwhile."""
    resource = call.route.resource
    key = resource.key(namespace_of(obj), name_of(obj))
    for _ in range(door.settings.patch_attempts):
        await check_write(door, call, obj, None)
        if await _delete_one(door, call, obj, options) is not None:
            return
        found = await door.store.get(key)
        if found is None or uid_of(found) != uid_of(obj):
            return
        obj = found
    raise conflict(resource, name_of(obj))


async def _delete_one(door: Door, call: Call, old: Object, options: Options) -> Outcome | None:
    """Delete an object or mark it; None where somebody was faster."""
    resource = call.route.resource
    _require(resource, old, options)
    change = Change(resource, call.role, old, old, door.clock())
    if why := may_not_delete(change):
        raise forbidden(resource, name_of(old), why)
    marked = mark(resource, old, options, door.clock())
    if marked == old:
        return Outcome(marked)
    async with door.guard(old) as why:
        if why:
            raise conflict(resource, name_of(old), why)
        return Outcome(marked) if options.is_dry_run else await _commit(door, call, old, marked)


async def _commit(door: Door, call: Call, old: Object, marked: Object | None) -> Outcome | None:
    resource = call.route.resource
    key = Key(*resource.collection, namespace_of(old) if resource.namespaced else "", name_of(old))
    op = Delete(key, revision_of(old)) if marked is None else Put(key, marked, revision_of(old))
    result = await door.store.commit(Transaction((op,)))
    if isinstance(result, Committed):
        return Outcome(None if marked is None else result.objects[0])
    if result.why is Why.CONFLICT:
        return None
    raise of_store(resource, name_of(old), result, key)


def mark(resource: Resource, obj: Object, options: Options, now: int) -> Object | None:
    """Give the object with its deletion asked for; None where it goes at once."""
    finalizers = _finalizers(obj, options.policy)
    if resource.collection == ("", "namespaces"):
        return _mark_namespace(obj, finalizers, now)
    grace = _grace(resource, obj, options)
    meta = metadata(obj)
    if is_deleting(obj):
        grace = min(grace, int(meta.get("deletionGracePeriodSeconds") or 0))
    if not finalizers and grace == 0:
        return None
    if is_deleting(obj) and grace == (meta.get("deletionGracePeriodSeconds") or 0):
        return with_metadata(obj, finalizers=finalizers or None)
    return with_metadata(
        obj,
        finalizers=finalizers or None,
        deletionTimestamp=format_instant(now + grace * 1000),
        deletionGracePeriodSeconds=grace,
    )


def _mark_namespace(obj: Object, finalizers: list[str], now: int) -> Object:
    """A Namespace never goes at once: its controller empties it first."""
    if is_deleting(obj):
        return obj
    marked = with_metadata(
        obj,
        finalizers=finalizers or None,
        deletionTimestamp=format_instant(now),
        deletionGracePeriodSeconds=0,
    )
    return {**marked, "status": {**status_of(obj), "phase": "Terminating"}}


def _finalizers(obj: Object, policy: str | None) -> list[str]:
    """Give the finalizers that a propagation policy leads to; unset leaves them as they are."""
    present = list(metadata(obj).get("finalizers") or ())
    if policy is None:
        return present
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND)]
    added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    return kept + added


def _grace(resource: Resource, obj: Object, options: Options) -> int:
    """Give the seconds that a Pod on a node has to stop; everything else has none."""
    if resource.collection != ("", "pods"):
        return 0
    spec = spec_of(obj)
    if not spec.get("nodeName") or status_of(obj).get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace is not None:
        return options.grace
    return int(spec.get("terminationGracePeriodSeconds", _GRACE_DEFAULT))


def _require(resource: Resource, obj: Object, options: Options) -> None:
    """Hold the preconditions."""
    name, meta = name_of(obj), metadata(obj)
    for field, wanted, present in (
        ("UID", options.uid, meta.get("uid")),
        ("ResourceVersion", options.resource_version, meta.get("resourceVersion")),
    ):
        if wanted is not None and wanted != present:
            why = f"Precondition failed: {field} in precondition: {wanted[:64]}, "
            raise conflict(resource, name, why + f"{field} in object meta: {present}")


def _gone(call: Call, obj: Object) -> Response:
    resource = call.route.resource
    details = {"name": name_of(obj), "kind": resource.plural, "uid": uid_of(obj)}
    if resource.group:
        details["group"] = resource.group
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
    return Response(encoding.dumps(status))


async def _options(door: Door, call: Call) -> Options:
    """Read DeleteOptions from the body and the parameters; the body wins."""
    raw = await call.body(door.settings)
    body: Any = bodies.parse(raw, call.header(b"content-type")) if raw else {}
    if not isinstance(body, dict):
        raise bad_request("the body must be an object of kind DeleteOptions")
    if body.get("kind", "DeleteOptions") not in ("DeleteOptions", ""):
        raise bad_request(f"the body must be of kind DeleteOptions, got {str(body['kind'])[:40]}")
    conditions = {} if body.get("preconditions") is None else body["preconditions"]
    grace = body.get("gracePeriodSeconds", call.number("gracePeriodSeconds"))
    policy = body.get("propagationPolicy") or call.query.get("propagationPolicy") or None
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in call.query:
        orphan = call.flag("orphanDependents")
    if policy is None and orphan is not None:
        policy = "Orphan" if orphan else "Background"
    problems = _problems(grace, policy, conditions, body.get("dryRun"))
    if problems:
        raise _not_options(problems)
    is_dry_run = bool(body.get("dryRun")) or call.is_dry_run
    uid, version = conditions.get("uid"), conditions.get("resourceVersion")
    return Options(grace, policy, uid, version, is_dry_run)


def _problems(grace: Any, policy: Any, conditions: Any, dry_run: Any) -> list[FieldError]:
    found = []
    is_whole = isinstance(grace, int) and not isinstance(grace, bool)
    if grace is not None and not (is_whole and 0 <= grace <= _GRACE_MAX):
        why = f"must be seconds between 0 and {_GRACE_MAX}"
        found.append(invalid("gracePeriodSeconds", grace, why))
    if policy is not None and policy not in _POLICIES:
        found.append(unsupported("propagationPolicy", policy, _POLICIES))
    texts = (str, type(None))
    if not isinstance(conditions, dict) or not all(
        isinstance(conditions.get(field), texts) for field in ("uid", "resourceVersion")
    ):
        found.append(FieldError("preconditions", "Invalid value: uid and resourceVersion are text"))
    if dry_run not in (None, [], ["All"]):
        found.append(unsupported("dryRun", dry_run, ("All",)))
    return found


def _not_options(problems: list[FieldError]) -> RefusedRequest:
    options = Resource("", "v1", "DeleteOptions", "deleteoptions", "deleteoptions", False)
    return unprocessable(options, "", problems)
