"""From a request's body to an object of its kind, or a refusal: the first step of every write.

The hot path is one call into compiled code; only where it says no is the body walked to explain
or to tidy. Next: `defaults/`, then `checks/`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes.schemas import explaining
from busbar.apis.kubernetes.schemas.checks.metadata import check_metadata
from busbar.apis.kubernetes.schemas.decoding import decode
from busbar.apis.kubernetes.schemas.definitions import is_own
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    Refusal,
    bad_request,
    shown,
    unprocessable,
)
from busbar.apis.kubernetes.schemas.registry import Served
from busbar.model.objects import Object, metadata, name_of

STRICT: Final = "Strict"
WARN: Final = "Warn"
IGNORE: Final = "Ignore"
VALIDATIONS: Final = (STRICT, WARN, IGNORE)


class Read(NamedTuple):
    """The object in its stored form; `warnings` name what was dropped; `plain`: all as it came."""

    obj: Object
    warnings: tuple[str, ...] = ()
    plain: bool = False


def read(served: Served, body: Any, field_validation: str = WARN) -> Read | Refusal:
    """Read a whole object. `body` may be changed, and may be part of the result."""
    refused = retype(served, body)
    if refused is not None:
        return refused
    if _is_plain(served, body):
        return Read(body, plain=True)
    return _explain(served, body, field_validation)


def read_plain(served: Served, body: dict[str, Any]) -> Object | None:
    """Read an object that there is nothing to say about; None where there is."""
    return body if retype(served, body) is None and _is_plain(served, body) else None


def _is_plain(served: Served, body: dict[str, Any]) -> bool:
    if not served.strict.is_valid(body):
        return False
    if body["metadata"].get("creationTimestamp", "") is None:
        del body["metadata"]["creationTimestamp"]
    return True


def retype(served: Served, body: Any, *, stated: bool = False) -> Refusal | None:
    """Check apiVersion and kind, and write those under which the object is stored, in place.

    With `stated` they must be there; otherwise the endpoint tells them.
    """
    resource = served.resource
    if not isinstance(body, dict):
        return bad_request(f"the body must be a JSON object of kind {resource.kind}")
    if stated and not (body.get("apiVersion") and body.get("kind")):
        return bad_request("apiVersion and kind must be set in what is applied")
    version = body.get("apiVersion") or resource.api_version
    if version != resource.api_version:
        why = f"({shown(version)}) does not match the expected API version"
        return bad_request(f"the API version in the data {why} ({resource.api_version})")
    kind = body.get("kind") or resource.kind
    if kind != resource.kind:
        return bad_request(f"the kind in the data ({shown(kind)}) is not {resource.kind}")
    body["apiVersion"], body["kind"] = resource.stored_api_version, resource.stored_kind
    if body.get("metadata") is None:
        body["metadata"] = {}
    return None


def _explain(served: Served, body: dict[str, Any], field_validation: str) -> Read | Refusal:
    resource = served.resource
    obj, unknown, mistakes = decode(served.shape, body)
    texts = tuple(f'unknown field "{path}"' for path in unknown)
    if texts and field_validation == STRICT:
        return unreadable(served, f"strict decoding error: {', '.join(texts)}")
    if mistakes and is_own(resource):
        return unprocessable(resource.kind, resource.group, name_of_any(obj), mistakes)
    if mistakes:
        return unreadable(served, "; ".join(str(error) for error in mistakes[:10]))
    obj.setdefault("metadata", {})
    errors = schema_errors(served, obj)
    if errors:
        return unprocessable(resource.kind, resource.group, name_of(obj), errors)
    return Read(obj, texts if field_validation == WARN else ())


def unreadable(served: Served, why: str) -> Refusal:
    """400: the body is not an object of this kind."""
    kind, version = served.resource.kind, served.resource.api_version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def schema_errors(served: Served, obj: Object) -> list[FieldError]:
    """Give what the closed schema does not take, in Kubernetes' words where it has some."""
    if served.strict.is_valid(obj):
        return []
    return [*check_metadata(metadata(obj)), *explaining.explain(served.strict, obj)]


def name_of_any(obj: dict[str, Any]) -> str:
    """Give the name of an object that may not even have the right types."""
    meta = obj.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else ""
