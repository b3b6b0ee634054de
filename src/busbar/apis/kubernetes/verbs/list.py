"""GET of a collection: selected, paged at one revision, in the form asked for. Next: `watch.py`.

Source: "Efficient detection of changes" and "Retrieving large results sets in chunks" of the
Kubernetes API concepts. A revision that lies in the future is told as 410 Expired (the API
server's 504 says the same to clients): both make them list again without one.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import orjson

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.authorization import Check
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.negotiation import Form, Representation
from busbar.apis.kubernetes.object_checks import visible
from busbar.apis.kubernetes.printing.partial import partial_object
from busbar.apis.kubernetes.printing.tables import TableWriter
from busbar.apis.kubernetes.selectors import (
    BadSelector,
    Predicate,
    both,
    by_fields,
    by_labels,
    pinned,
)
from busbar.apis.kubernetes.statuses import RefusedRequest, bad_request, expired, forbidden
from busbar.apis.kubernetes.verbs.shared import denied
from busbar.model.objects import Key, Object
from busbar.store.contract import Compacted, Page

_VERSION = "meta.k8s.io/v1"
_COMPACTED = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter."
)


class Position(NamedTuple):
    """Where a paged list goes on: at which revision, from which key."""

    revision: int
    start: Key


async def list_objects(door: Door, call: Call) -> Response:
    """List a collection."""
    wanted = call.representation()
    page = await select(door, call)
    proceed = ""
    if page.next_key is not None:
        proceed = encode_position(Position(page.revision, page.next_key))
    remaining = page.remaining if proceed and _selects_all(call) else None
    meta = encoding.list_meta(page.revision, proceed, remaining)
    return Response(_write(door, call, page.items, meta, wanted))


def _write(
    door: Door,
    call: Call,
    items: tuple[Object, ...],
    meta: dict[str, Any],
    wanted: Representation,
) -> bytes:
    resource = call.route.resource
    if wanted.form is Form.TABLE:
        include = call.query.get("includeObject", "Metadata")
        return TableWriter(door, resource, wanted, include).many(items, meta)
    if wanted.form is Form.PARTIAL:
        version = wanted.meta_version
        partial = (encoding.dumps(partial_object(obj, version)) for obj in items)
        return encoding.list_bytes("PartialObjectMetadataList", version, meta, partial)
    written = (door.encoder.served(resource, obj) for obj in items)
    if not encoding.is_alias(resource):
        written = (door.encoder.stored(obj) for obj in items)
    return encoding.list_bytes(f"{resource.kind}List", resource.api_version, meta, written)


async def select(door: Door, call: Call) -> Page:
    """Give the page of objects that a call chooses and its caller may see."""
    limit = call.number("limit") or 0
    if limit < 0:
        raise bad_request("the parameter limit must not be negative")
    start, at = None, None
    if token := call.query.get("continue"):
        position = decode_position(token)
        start, at = position.start, position.revision
        _require_own_collection(call, start)
    else:
        at = await _asked_revision(door, call)
    try:
        return await door.store.list(
            *call.route.resource.collection,
            call.route.namespace or None,
            limit=min(limit, door.settings.page_limit_max) if limit else 0,
            start=start,
            at=at,
            where=predicate(call),
        )
    except Compacted as error:
        message = _COMPACTED if start is not None else f"too old resource version: {error}"
        raise RefusedRequest(expired(message)) from None


async def _asked_revision(door: Door, call: Call) -> int | None:
    """Give the revision that a list must show exactly; None for the latest."""
    text, match = call.query.get("resourceVersion", ""), call.query.get("resourceVersionMatch", "")
    if match not in ("", "Exact", "NotOlderThan"):
        raise bad_request("resourceVersionMatch must be Exact or NotOlderThan")
    if not text:
        if match:
            raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is set")
        return None
    revision = parse_revision(text)
    if match == "Exact" and revision == 0:
        raise bad_request('resourceVersionMatch "Exact" is forbidden for resourceVersion 0')
    latest = await door.store.revision()
    if revision > latest:
        raise RefusedRequest(too_new(revision, latest))
    return revision if match == "Exact" else None


def too_new(revision: int, latest: int) -> Any:
    """Say that a revision has not been reached."""
    return expired(f"Too large resource version: {revision}, current: {latest}; list again")


def parse_revision(text: str) -> int:
    """Read a resourceVersion."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_request(f"resourceVersion: Invalid value: {text[:40]!r}: must be a number")
    return int(text)


def predicate(call: Call) -> Predicate | None:
    """Join the selectors of a call with what its caller may see."""
    resource = call.route.resource
    fields = call.query.get("fieldSelector", "")
    try:
        labels = by_labels(call.query.get("labelSelector", ""))
        chosen = by_fields(resource, fields)
        if call.check is Check.BOUND_POD and pinned(fields, "spec.nodeName") != call.role.name:
            selector = f"spec.nodeName={call.role.name}"
            why = f"nodes must select their own Pods, with fieldSelector={selector}"
            raise forbidden(resource, "", denied(call, why))
    except BadSelector as error:
        raise bad_request(str(error)) from None
    return both(visible(call.role, call.check), chosen, labels)


def _selects_all(call: Call) -> bool:
    return not (call.query.get("labelSelector") or call.query.get("fieldSelector"))


def encode_position(position: Position) -> str:
    """Write where to go on as the opaque token of a list's metadata."""
    start = position.start
    token = {"v": _VERSION, "rv": position.revision, "start": [start.namespace, start.name]}
    resource = [start.group, start.resource]
    return urlsafe_b64encode(orjson.dumps({**token, "of": resource})).rstrip(b"=").decode()


def decode_position(token: str) -> Position:
    """Read a token back; 400 for anything else."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = orjson.loads(raw)
        revision, start, of = found["rv"], found["start"], found["of"]
        texts = (*start, *of)
        valid = found["v"] == _VERSION and isinstance(revision, int) and len(texts) == 4
        if not valid or not all(isinstance(text, str) for text in texts):
            raise ValueError
        return Position(revision, Key(of[0], of[1], start[0], start[1]))
    except (ValueError, TypeError, KeyError, LookupError):
        raise bad_request("continue key is not valid: use the token of the list before") from None


def _require_own_collection(call: Call, start: Key) -> None:
    """A token of another collection or namespace leads nowhere."""
    route = call.route
    elsewhere = (start.group, start.resource) != route.resource.collection
    if elsewhere or (route.namespace and start.namespace != route.namespace):
        raise bad_request("continue key is not valid: it belongs to another list")
