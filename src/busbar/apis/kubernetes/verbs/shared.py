"""What the verbs have in common: finding, checking, committing and writing out an object.

Next: `create.py`.
"""

from __future__ import annotations

from typing import TypeVar

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.authorization import Check, Kind
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.negotiation import Form
from busbar.apis.kubernetes.object_checks import (
    MAY_HIDE,
    concerns,
    is_bound,
    references,
    refusal_of_write,
    visible,
)
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.printing.partial import partial_object
from busbar.apis.kubernetes.printing.tables import TableWriter
from busbar.apis.kubernetes.schemas.refusals import Refusal, shown
from busbar.apis.kubernetes.statuses import about, bad_request, forbidden, not_found
from busbar.model.objects import Key, Object, metadata
from busbar.model.resources import Resource

T = TypeVar("T")

NAMESPACE = ("", "namespaces")
_VALIDATIONS = ("Strict", "Warn", "Ignore")


def revision_of(obj: Object) -> int:
    """Give the revision of a stored object."""
    return int(metadata(obj)["resourceVersion"])


def key_of(call: Call) -> Key:
    """Give the key of the object that a call names."""
    route = call.route
    return route.resource.key(route.namespace, route.name)


def answered(resource: Resource, name: str, result: T | Refusal) -> T:
    """Give a result, or raise its refusal."""
    if isinstance(result, Refusal):
        raise about(resource, name, result)
    return result


def writer(door: Door, call: Call) -> writes.Request:
    """Say who writes and how strictly the body is read, from the parameters."""
    query = call.query
    if not query:
        agent = call.header(b"user-agent").partition("/")[0]
        return writes.Request(agent or "unknown", door.clock())
    strictness = query.get("fieldValidation") or "Warn"
    if strictness not in _VALIDATIONS:
        named = ", ".join(_VALIDATIONS)
        raise bad_request(f"fieldValidation must be one of {named}, got {shown(strictness)}")
    manager = query.get("fieldManager") or call.header(b"user-agent").partition("/")[0]
    if len(manager) > 128 or not (manager.isprintable() or not manager):
        raise bad_request("fieldManager must be at most 128 printable characters")
    return writes.Request(manager or "unknown", door.clock(), strictness, call.flag("force"))


def fresh(door: Door, call: Call, *, names: bool = True) -> writes.Fresh:
    """Give what a new object gets from the server; a suffix only where the server `names` it."""
    uid = door.new_uid()
    return writes.Fresh(call.route.namespace, uid, name_suffix(door.new_uid()) if names else "")


_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names: no vowels, so no words."""


def name_suffix(uid: str) -> str:
    """Give the five letters that a generated name ends with, from an unpredictable uid."""
    number = int(uid.replace("-", "")[:15], 16)
    letters = []
    for _ in range(5):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


async def fetch(door: Door, call: Call) -> Object:
    """Give the object that a call names; refuses what is not there or not the caller's to see."""
    obj = await look_up(door, call)
    if obj is None:
        raise not_found(call.route.resource, call.route.name)
    return obj


async def look_up(door: Door, call: Call) -> Object | None:
    """Give the object that a call names, None where it is not there.

    What is not the caller's to see is refused here, before anything of it can show in another
    refusal (its uid in a conflict, its fields in an invalid patch).
    """
    route = call.route
    if call.check is Check.REFERENCED:
        await _require_reference(door, call)
    obj = await door.store.get(key_of(call))
    if obj is None or call.check is Check.NONE:
        return obj
    if call.check is Check.ABOUT_BOUND_POD:
        pods = await bound_pods(door, route.namespace, call.role.name)
        if not concerns(obj, call.role, pods):
            raise not_found(route.resource, route.name)
    sees = visible(call.role, call.check)
    if sees is not None and not sees(obj):
        if call.check in MAY_HIDE:
            raise not_found(route.resource, route.name)
        raise forbidden(route.resource, route.name, denied(call, "it is not yours"))
    return obj


def denied(call: Call, why: str) -> str:
    """Say in Kubernetes' words what a user may not, and why."""
    resource, namespace = call.route.resource, call.route.namespace
    named = resource.plural + (f"/{call.route.subresource}" if call.route.subresource else "")
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    return (
        f'User "{call.identity.user}" cannot {call.verb} resource "{named}" '
        f'in API group "{resource.group}" {scope}: {why}'
    )


async def check_write(door: Door, call: Call, old: Object | None, new: Object | None) -> None:
    """Refuse a write of an object that is not the caller's."""
    if call.role.kind is Kind.OPERATOR or call.check is Check.NONE:
        return
    route = call.route
    if call.check is Check.ABOUT_BOUND_POD:
        pods = await bound_pods(door, route.namespace, call.role.name)
        if not all(concerns(event, call.role, pods) for event in (old, new) if event is not None):
            why = f"node {call.role.name} may report only events about itself and its Pods"
            raise forbidden(route.resource, route.name, denied(call, why))
        return
    why = refusal_of_write(call.role, call.check, old, new)
    if why and call.check in MAY_HIDE and not (old and is_bound(old, call.role.name)):
        raise not_found(route.resource, route.name)
    if why:
        raise forbidden(route.resource, route.name, denied(call, why))


async def bound_pods(door: Door, namespace: str, node: str) -> tuple[Object, ...]:
    """Give the Pods of a namespace that are bound to a node."""
    page = await door.store.list("", "pods", namespace, where=lambda pod: is_bound(pod, node))
    return page.items


async def _require_reference(door: Door, call: Call) -> None:
    """Let a node read what a Pod bound to it names, and nothing else."""
    route = call.route
    pods = await bound_pods(door, route.namespace, call.role.name)
    if not references(pods, route.resource.plural, route.name):
        why = f"no Pod bound to node {call.role.name} names it"
        raise forbidden(route.resource, route.name, denied(call, why))


def render(
    door: Door,
    call: Call,
    obj: Object,
    status: int = 200,
    *,
    is_stored: bool = True,
    body: bytes = b"",
) -> Response:
    """Write an object out in the form the client asked for.

    What is not stored like this (a dry run, the last state of what is gone) may carry the
    revision of another state: its bytes are nobody else's. `body` is the stored object's JSON,
    where it is at hand.
    """
    resource = call.route.resource
    wanted = call.representation()
    if wanted.form is Form.OBJECT:
        if body and not encoding.is_alias(resource):
            return Response(body, status)
        if is_stored:
            return Response(door.encoder.served(resource, obj), status)
        return Response(encoding.dumps(encoding.to_served(resource, obj)), status)
    if wanted.form is Form.PARTIAL:
        body = encoding.dumps(partial_object(obj, wanted.meta_version))
        return Response(body, status)
    include = call.query.get("includeObject", "Metadata")
    return Response(TableWriter(door, resource, wanted, include).one(obj), status)
