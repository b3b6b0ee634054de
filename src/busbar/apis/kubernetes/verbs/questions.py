"""QuoteReview and OrderReview: created, answered in their status, never stored.

The manners are those of Kubernetes' own reviews (`reviews.py`); what the answer is, the server
says through the port `Questions`. Next: `subresources.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any, Final

from busbar.apis.kubernetes import bodies, routes
from busbar.apis.kubernetes.authorization import Attributes, authorize
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.patches import server_fields
from busbar.apis.kubernetes.ports import Identity, QuestionRefused
from busbar.apis.kubernetes.ports import Questions as Market
from busbar.apis.kubernetes.schemas import reading
from busbar.apis.kubernetes.schemas.refusals import FieldError, Refusal
from busbar.apis.kubernetes.schemas.refusals import invalid as wrong
from busbar.apis.kubernetes.statuses import (
    RefusedRequest,
    about,
    forbidden,
    invalid,
    not_served,
)
from busbar.apis.kubernetes.verbs.shared import answered, denied, fresh, render, writer
from busbar.model.kinds.review import ORDER_REVIEW, QUOTE_REVIEW
from busbar.model.objects import Object, metadata, name_of
from busbar.model.resources import Resource

Ask = Callable[[Market, Identity, Object], Awaitable[dict[str, Any]]]

_REASONS: Final = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
}
ONLY_CREATED: Final = (
    "are questions in a namespace, answered when they are created and never stored: "
    "`kubectl create -f FILE -o yaml`"
)
_OF_OBJECTS: Final = ("uid", "generation")
_AGAIN: Final = ((b"retry-after", b"1"),)


async def review(door: Door, call: Call) -> Response:
    """Answer a question that was posted; whatever else is wanted of it is refused."""
    resource, namespace, name, _ = call.route
    if call.method != "POST" or name or not namespace:
        raise _only_created(call, resource)
    call.verb = routes.CREATE
    asked = Attributes(call.verb, resource.group, resource.plural, "", namespace)
    verdict = authorize(call.role, asked)
    if not verdict.allowed:
        raise forbidden(resource, "", denied(call, verdict.reason))
    if door.questions is None:
        raise not_served(call.path)
    obj = await _read(door, call)
    # Nothing is stored either way; a parameter that is wrong is refused as in every other write.
    _ = call.is_dry_run
    try:
        status = await _ASK[resource.kind](door.questions, call.identity, obj)
    except QuestionRefused as error:
        raise _refusal(resource, obj, error) from None
    call.warnings.extend(status.get("warnings") or ())
    return render(door, call, _named(obj, status), 201, is_stored=False)


async def _read(door: Door, call: Call) -> Object:
    """Read the body: the right kind, the right fields, in the namespace of the path."""
    resource = call.route.resource
    raw = await call.body(door.settings)
    body = bodies.parse(raw, call.header(b"content-type"))
    if isinstance(body, dict):
        # What an answer said before is not asked.
        body.pop("status", None)
    by, served = writer(door, call), door.registry.served(resource)
    read = answered(resource, "", reading.read(served, body, by.field_validation))
    call.warnings.extend(read.warnings)
    refused = server_fields.stamp_new(resource, read.obj, fresh(door, call), by.now)
    if refused is not None:
        raise about(resource, name_of(read.obj), refused)
    return read.obj


async def _quote(market: Market, identity: Identity, obj: Object) -> dict[str, Any]:
    manifest, namespace = deepcopy(obj["spec"]["manifest"]), metadata(obj)["namespace"]
    meta = manifest.setdefault("metadata", {})
    if isinstance(meta, dict):
        said = meta.setdefault("namespace", namespace)
        if said != namespace:
            why = f"must be {namespace}, the namespace of the review"
            raise QuestionRefused(422, str(wrong("metadata.namespace", said, why)))
    return await market.quote(identity, manifest)


async def _why(market: Market, identity: Identity, obj: Object) -> dict[str, Any]:
    del identity
    return await market.why(metadata(obj)["namespace"], obj["spec"]["name"])


_ASK: Final[dict[str, Ask]] = {QUOTE_REVIEW.kind: _quote, ORDER_REVIEW.kind: _why}


def _named(obj: Object, status: dict[str, Any]) -> Object:
    """Give the answer; a review without a name has that of what it is about, to be printed.

    It has no uid: there is nothing that could be found by it.
    """
    meta = {key: value for key, value in metadata(obj).items() if key not in _OF_OBJECTS}
    return {**obj, "metadata": {"name": status["name"], **meta}, "status": status}


def _refusal(resource: Resource, obj: Object, error: QuestionRefused) -> RefusedRequest:
    if error.code == 422:
        return invalid(resource, name_of(obj), [FieldError("spec.manifest", error.message)])
    refusal = Refusal(error.code, _REASONS.get(error.code, "BadRequest"), error.message)
    headers = _AGAIN if error.code == 429 else ()
    found = about(resource, name_of(obj), refusal)
    found.headers = headers
    return found


def _only_created(call: Call, resource: Resource) -> RefusedRequest:
    what = f"{call.method[:16]} is not supported on {call.path[:200]}"
    message = f"{what}: {resource.plural} {ONLY_CREATED}"
    return RefusedRequest(Refusal(405, "MethodNotAllowed", message))
