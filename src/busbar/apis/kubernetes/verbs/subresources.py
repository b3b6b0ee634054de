"""The small ones: tokens of service accounts, and binding of Pods.

Next: `../discovery.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes import bodies, encoding
from busbar.apis.kubernetes.authorization import Kind
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.schemas.refusals import forbidden as field_forbidden
from busbar.apis.kubernetes.schemas.refusals import invalid, required
from busbar.apis.kubernetes.service_accounts import (
    SECONDS_DEFAULT,
    SECONDS_MAX,
    SECONDS_MIN,
    Account,
)
from busbar.apis.kubernetes.statuses import (
    bad_request,
    conflict,
    forbidden,
    not_served,
    of_store,
)
from busbar.apis.kubernetes.statuses import invalid as unprocessable
from busbar.apis.kubernetes.verbs.reviews import AUTHENTICATION, read
from busbar.apis.kubernetes.verbs.shared import denied, fetch, key_of, revision_of
from busbar.model.objects import name_of, namespace_of, spec_of, uid_of
from busbar.model.time import SECOND, format_instant
from busbar.store.contract import Committed, Put, Transaction


async def token(door: Door, call: Call) -> Response:
    """TokenRequest: a token for a service account (`kubectl create token`)."""
    if door.tokens is None:
        raise not_served(call.path)
    account = await fetch(door, call)
    request = await read(door, call, AUTHENTICATION, "TokenRequest")
    spec = request.get("spec") or {}
    if spec.get("boundObjectRef"):
        why = "tokens are bound to their service account alone; leave it out"
        problem = field_forbidden("spec.boundObjectRef", why)
        raise unprocessable(call.route.resource, call.route.name, [problem])
    seconds = spec.get("expirationSeconds", SECONDS_DEFAULT)
    if seconds < SECONDS_MIN:
        why = "may not specify a duration less than 10 minutes"
        problem = invalid("spec.expirationSeconds", seconds, why)
        raise unprocessable(call.route.resource, call.route.name, [problem])
    seconds = min(seconds, SECONDS_MAX)
    until = door.clock() + seconds * SECOND
    who = Account(namespace_of(account), name_of(account), uid_of(account))
    signed = door.tokens.issue(who, tuple(spec.get("audiences") or ()), until)
    status = {"token": signed, "expirationTimestamp": format_instant(until)}
    spec = {**spec, "expirationSeconds": seconds}
    answer = {"metadata": {"name": who.name, "namespace": who.namespace}, **request}
    return Response(encoding.dumps({**answer, "spec": spec, "status": status}), 201)


async def bind(door: Door, call: Call) -> Response:
    """Binding of a Pod to a node: by the exchange, through a contract; by hand for operators."""
    resource = call.route.resource
    if call.role.kind is not Kind.OPERATOR:
        why = denied(call, "Pods are bound by the exchange when it makes a contract")
        raise forbidden(resource, call.route.name, why)
    body = await _json(door, call)
    target = body.get("target")
    node = target.get("name") if isinstance(target, dict) else None
    if not isinstance(node, str) or not node:
        raise unprocessable(resource, call.route.name, [required("target.name", "a node")])
    pod = await fetch(door, call)
    if spec_of(pod).get("nodeName"):
        raise conflict(resource, name_of(pod), f"pod {name_of(pod)} is already bound to a node")
    if not call.is_dry_run:
        key = key_of(call)
        bound = {**pod, "spec": {**spec_of(pod), "nodeName": node}}
        result = await door.store.commit(Transaction((Put(key, bound, revision_of(pod)),)))
        if not isinstance(result, Committed):
            raise of_store(resource, name_of(pod), result, key)
    return Response(b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}', 201)


async def _json(door: Door, call: Call) -> dict[str, Any]:
    raw = await call.body(door.settings)
    body = bodies.parse(raw, call.header(b"content-type"))
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body
