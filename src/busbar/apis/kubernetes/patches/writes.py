"""Every write of the door, from a request's body to the object to be stored.

One order for all: read (unknown fields, types), put in the server's own metadata, defaults,
validation, field ownership. The caller stores `Prepared.obj` (nothing where `changed` is false),
with the precondition that the object is still the one handed in. Objects in and out are in their
stored form, bodies in the form of the served resource. Next: `server_fields.py`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from busbar.apis.kubernetes.patches import apply as server_side
from busbar.apis.kubernetes.patches import server_fields
from busbar.apis.kubernetes.patches.alike import Alike, Templates
from busbar.apis.kubernetes.patches.json_patch import CannotPatch, json_patch
from busbar.apis.kubernetes.patches.merge_patch import merge_patch
from busbar.apis.kubernetes.patches.ownership import (
    MAX_MANAGER,
    owned_at_first,
    track_create,
    track_update,
)
from busbar.apis.kubernetes.patches.server_fields import Fresh
from busbar.apis.kubernetes.patches.strategic import strategic_merge
from busbar.apis.kubernetes.schemas import reading
from busbar.apis.kubernetes.schemas.checks import validate
from busbar.apis.kubernetes.schemas.checks.metadata import check_name
from busbar.apis.kubernetes.schemas.decoding import decode
from busbar.apis.kubernetes.schemas.defaults import apply_defaults
from busbar.apis.kubernetes.schemas.defaults.job import select_own_pods
from busbar.apis.kubernetes.schemas.definitions import is_own
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    Refusal,
    bad_request,
    not_found,
    unprocessable,
)
from busbar.apis.kubernetes.schemas.registry import Served
from busbar.model.objects import Object, metadata, name_of, with_metadata
from busbar.model.time import Instant

__all__ = ["Fresh", "Prepared", "Request", "create", "patch", "update"]

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
PATCH_TYPES: Final = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


TOO_DEEP: Final = bad_request("the patch nests too deep")


class Request(NamedTuple):
    """Who writes, when, and how strictly the body is read."""

    manager: str
    """Field manager: the `fieldManager` parameter, or the User-Agent up to its first `/`."""
    now: Instant
    field_validation: str = reading.WARN
    """Strict, Warn or Ignore."""
    force: bool = False
    """Server-side apply: take fields over from other managers."""


class Prepared(NamedTuple):
    """The object to store; `warnings` go into Warning headers; `created` tells an apply's 201."""

    obj: Object
    warnings: tuple[str, ...] = ()
    changed: bool = True
    created: bool = False


def create(served: Served, body: Any, fresh: Fresh, by: Request) -> Prepared | Refusal:
    """Prepare a new object. `body` is changed in place and belongs to the result."""
    refused = _check_request(by)
    if refused is not None:
        return refused
    key = _PODS.key(body) if _is_pod(served) else None
    alike = _PODS.find(key) if key is not None else None
    if alike is not None and (prepared := _create_alike(served, body, fresh, by, alike)):
        return prepared
    read = reading.read(served, body, by.field_validation)
    if isinstance(read, Refusal):
        return read
    obj = _complete_new(served, read.obj, fresh, by)
    if isinstance(obj, Refusal):
        return obj
    has_status = server_fields.keeps_status(served.resource)
    fields = owned_at_first(served.shape, obj, has_status=has_status)
    if key is not None and read.plain:
        _PODS.remember(key, obj, fields["f:spec"])
    tracked = track_create(obj, fields, by.manager, by.now)
    return Prepared(tracked, read.warnings, created=True)


_PODS: Final = Templates()


def _is_pod(served: Served) -> bool:
    return served.resource.collection == ("", "pods")


def _create_alike(
    served: Served, body: dict[str, Any], fresh: Fresh, by: Request, alike: Alike
) -> Prepared | None:
    """Prepare a Pod whose spec came before; None where the rest of it needs a closer look.

    What that changes in the body, reading it whole changes too.
    """
    spec = body.pop("spec")
    obj = reading.read_plain(served, body)
    refused = obj is None or server_fields.stamp_new(served.resource, obj, fresh, by.now)
    if obj is None or refused or check_name(served.resource, obj):
        body["spec"] = spec
        return None
    fields = owned_at_first(served.shape, obj, has_status=True)
    whole = {**obj, "spec": alike.spec, "status": alike.status}
    tracked = track_create(whole, {**fields, "f:spec": alike.fields}, by.manager, by.now)
    return Prepared(tracked, created=True)


def update(
    served: Served, body: Any, old: Object, by: Request, *, subresource: str = ""
) -> Prepared | Refusal:
    """Prepare a replacement (PUT). `subresource` is "" or "status"; `body` is changed in place."""
    refused = _check_request(by)
    if refused is not None:
        return refused
    read = reading.read(served, body, by.field_validation)
    if isinstance(read, Refusal):
        return read
    obj = _complete_old(served, read.obj, old, subresource)
    if isinstance(obj, Refusal):
        return obj
    has_status = server_fields.keeps_status(served.resource)
    tracked = track_update(
        served.shape,
        old,
        obj,
        by.manager,
        by.now,
        subresource=subresource,
        has_status=has_status,
    )
    return _changed(tracked, old, read.warnings)


def patch(
    served: Served,
    patch_type: str,
    body: Any,
    old: Object | None,
    by: Request,
    *,
    name: str,
    fresh: Fresh,
    subresource: str = "",
) -> Prepared | Refusal:
    """Prepare a patch. `old` None is refused with 404, but for server-side apply, which creates."""
    if patch_type == APPLY_PATCH:
        return _apply(served, body, old, by, name, fresh, subresource)
    if old is None:
        return not_found(served.qualified, name)
    merged = _merged(served, patch_type, body, old)
    if isinstance(merged, Refusal):
        return merged
    try:
        # Defaults are filled in in place: the stored object must not share any of it.
        body = _fresh_copy(merged)
    except orjson.JSONEncodeError:
        return TOO_DEEP
    return update(served, body, old, by, subresource=subresource)


def _merged(served: Served, patch_type: str, body: Any, old: Object) -> Any:
    """Give the object as the patch would have it, in the form of the served resource."""
    shown = {**old, "apiVersion": served.resource.api_version, "kind": served.resource.kind}
    try:
        if patch_type == JSON_PATCH:
            return json_patch(shown, body)
        if patch_type == STRATEGIC_PATCH and not is_own(served.resource):
            return strategic_merge(served.shape, shown, body)
        if patch_type == MERGE_PATCH:
            return merge_patch(shown, body)
    except CannotPatch as wrong:
        if wrong.invalid:
            return bad_request(f"the patch cannot be read: {wrong}")
        return Refusal(422, "Invalid", f"the patch does not fit the object: {wrong}")
    except orjson.JSONEncodeError:
        return TOO_DEEP
    accepted = [t for t in PATCH_TYPES if t != STRATEGIC_PATCH or not is_own(served.resource)]
    why = "the body of the request was in an unknown format - accepted media types include: "
    return Refusal(415, "UnsupportedMediaType", why + ", ".join(accepted))


def _apply(
    served: Served,
    body: Any,
    old: Object | None,
    by: Request,
    name: str,
    fresh: Fresh,
    subresource: str,
) -> Prepared | Refusal:
    manifest = _read_manifest(served, body, name, by)
    if isinstance(manifest, Refusal):
        return manifest
    if old is None and (subresource or metadata(manifest).get("resourceVersion")):
        return not_found(served.qualified, name)
    live = old if old is not None else {k: manifest[k] for k in ("apiVersion", "kind")}
    applied = server_side.apply(
        served.shape,
        live,
        manifest,
        by.manager,
        by.now,
        force=by.force,
        subresource=subresource,
        has_status=server_fields.keeps_status(served.resource),
    )
    if isinstance(applied, Refusal):
        return applied
    obj = _fresh_copy(applied.obj)
    obj = with_metadata(obj, **_identity(manifest, name))
    errors = reading.schema_errors(served, obj)
    if errors:
        return _invalid(served, obj, errors)
    if old is None:
        done = _complete_new(served, obj, fresh, by)
    else:
        done = _complete_old(served, obj, old, subresource)
    if isinstance(done, Refusal):
        return done
    finished = server_side.finish(applied, done)
    if old is None:
        return Prepared(finished, created=True)
    return _changed(finished, old, ())


def _read_manifest(served: Served, body: Any, name: str, by: Request) -> Object | Refusal:
    """Read what an apply states: a part of an object, so nothing is required but its type."""
    refused = _check_request(by, needed=True) or reading.retype(served, body, stated=True)
    if refused is not None:
        return refused
    manifest, unknown, mistakes = decode(served.shape, body)
    if unknown:
        texts = "; ".join(f".{path}: field not declared in schema" for path in unknown)
        return bad_request(f"failed to create typed patch object: {texts}")
    if mistakes:
        return bad_request(f"failed to create typed patch object: {mistakes[0]}")
    if "managedFields" in metadata(manifest):
        return bad_request("metadata.managedFields must be nil")
    stated = name_of(manifest)
    if stated and stated != name:
        why = f"the name of the object ({stated}) does not match the name on the URL ({name})"
        return bad_request(why)
    return manifest


def _identity(manifest: Object, name: str) -> dict[str, Any]:
    """Give the fields that nobody owns, but that say which object is meant."""
    meta = metadata(manifest)
    fields = ("namespace", "uid", "resourceVersion")
    return {"name": name, **{field: meta[field] for field in fields if meta.get(field)}}


def _check_request(by: Request, *, needed: bool = False) -> Refusal | None:
    if by.field_validation not in reading.VALIDATIONS:
        return bad_request("fieldValidation must be Ignore, Warn or Strict")
    if needed and not by.manager:
        return bad_request("fieldManager: Required value: is required for apply patch")
    if len(by.manager) > MAX_MANAGER or not by.manager.isprintable():
        why = f"must be at most {MAX_MANAGER} printable characters"
        return bad_request(f"fieldManager: Invalid value: {why}")
    return None


def _complete_new(served: Served, obj: Object, fresh: Fresh, by: Request) -> Object | Refusal:
    resource = served.resource
    refused = server_fields.stamp_new(resource, obj, fresh, by.now)
    if refused is not None:
        return refused
    apply_defaults(resource, served.shape, obj)
    if (resource.group, resource.kind) == ("batch", "Job"):
        select_own_pods(obj)
    errors = validate(resource, obj)
    return _invalid(served, obj, errors) if errors else obj


def _complete_old(served: Served, obj: Object, old: Object, subresource: str) -> Object | Refusal:
    refused = server_fields.check_identity(served, obj, old)
    if refused is not None:
        return refused
    whole = server_fields.take_over(served.resource, obj, old, subresource)
    if not subresource:
        apply_defaults(served.resource, served.shape, whole)
        server_fields.count_generation(served.resource, whole, old)
    errors = validate(served.resource, whole, old)
    return _invalid(served, whole, errors) if errors else whole


def _invalid(served: Served, obj: Object, errors: list[FieldError]) -> Refusal:
    resource = served.resource
    name = name_of(obj) or metadata(obj).get("generateName") or ""
    return unprocessable(resource.kind, resource.group, name, errors)


def _changed(obj: Object, old: Object, warnings: tuple[str, ...]) -> Prepared:
    """Say whether there is anything to store; if not, the object is the old one itself."""
    same = _without_metadata(obj) == _without_metadata(old)
    if same and (obj == old or _timeless(obj) == _timeless(old)):
        return Prepared(old, warnings, changed=False)
    return Prepared(obj, warnings)


def _without_metadata(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}


def _timeless(obj: Object) -> Object:
    """Give an object without the times of its field managers: alone they are no change."""
    entries = metadata(obj).get("managedFields") or ()
    stripped = [{k: v for k, v in entry.items() if k != "time"} for entry in entries]
    stripped.sort(key=lambda e: (e.get("operation", ""), e.get("manager", ""), str(e)))
    return with_metadata(obj, managedFields=stripped)


def _fresh_copy(obj: Any) -> Any:
    return orjson.loads(orjson.dumps(obj))
