"""Questions about oneself: what may I do (can-i), who am I (whoami). Next: `questions.py`.

Nothing of these is stored. Source: authorization.k8s.io/v1 and authentication.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from busbar.apis.kubernetes import bodies, encoding, routes
from busbar.apis.kubernetes.authorization import Attributes, Check, Kind, Rule, authorize, rules
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.schemas.decoding import decode
from busbar.apis.kubernetes.schemas.refusals import bad_request, shown, unprocessable
from busbar.apis.kubernetes.statuses import RefusedRequest
from busbar.apis.kubernetes.verbs.questions import ONLY_CREATED
from busbar.model.objects import Object
from busbar.model.resources import BY_COLLECTION
from busbar.model.resources import REVIEWS as ASKED

AUTHORIZATION = "authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"
VERSION = "v1"
_QUESTIONS = frozenset(resource.collection for resource in ASKED)
READ_ONLY = "this kind is written by the exchange alone"

Review = Callable[[Door, Call], Awaitable[Response]]


async def access(door: Door, call: Call) -> Response:
    """SelfSubjectAccessReview: may I do this?"""
    review = await read(door, call, AUTHORIZATION, "SelfSubjectAccessReview")
    spec = review.get("spec") or {}
    asked = spec.get("resourceAttributes")
    if asked is None:
        return _answer(review, {"allowed": call.role.kind is Kind.OPERATOR})
    attributes = Attributes(
        asked.get("verb", ""),
        asked.get("group", ""),
        asked.get("resource", ""),
        asked.get("subresource", ""),
        asked.get("namespace", ""),
        asked.get("name", ""),
    )
    resource = BY_COLLECTION.get((attributes.group, attributes.resource))
    if resource and resource.read_only and attributes.verb in routes.VERBS[3:]:
        return _answer(review, {"allowed": False, "reason": READ_ONLY})
    is_question = (attributes.group, attributes.resource) in _QUESTIONS
    if is_question and attributes.verb != routes.CREATE:
        return _answer(review, {"allowed": False, "reason": f"they {ONLY_CREATED}"})
    verdict = authorize(call.role, attributes)
    status: dict[str, Any] = {"allowed": verdict.allowed}
    if verdict.check is not Check.NONE:
        status["reason"] = f"if {verdict.check.value}"
    elif verdict.reason:
        status["reason"] = verdict.reason
    return _answer(review, status)


async def access_rules(door: Door, call: Call) -> Response:
    """SelfSubjectRulesReview: what may I do in a namespace?"""
    review = await read(door, call, AUTHORIZATION, "SelfSubjectRulesReview")
    namespace = (review.get("spec") or {}).get("namespace", "")
    everyone = [
        {"verbs": ["create"], "apiGroups": [AUTHORIZATION, AUTHENTICATION], "resources": ["*"]}
    ]
    own = (
        [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        if call.role.kind is Kind.OPERATOR
        else [_rule(rule) for rule in rules(call.role, namespace)]
    )
    paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/*", "/readyz", "/version"]
    status = {
        "resourceRules": [*own, *everyone],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}],
        "incomplete": False,
    }
    return _answer(review, status)


def _rule(rule: Rule) -> dict[str, Any]:
    verbs = sorted(rule.verbs, key=routes.VERBS.index)
    return {"verbs": verbs, "apiGroups": [rule.group], "resources": sorted(rule.resources)}


async def whoami(door: Door, call: Call) -> Response:
    """SelfSubjectReview: who am I?"""
    review = await read(door, call, AUTHENTICATION, "SelfSubjectReview")
    identity = call.identity
    info: dict[str, Any] = {"username": identity.user, "groups": list(identity.groups)}
    if identity.uid:
        info["uid"] = identity.uid
    return _answer(review, {"userInfo": info})


async def read(door: Door, call: Call, group: str, kind: str) -> Object:
    """Read the body as a kind that is posted and never stored."""
    raw = await call.body(door.settings)
    body = bodies.parse(raw, call.header(b"content-type"))
    version = f"{group}/{VERSION}"
    if not isinstance(body, dict) or body.get("kind", kind) != kind:
        raise RefusedRequest(bad_request(f"the body must be an object of kind {kind}"))
    if body.get("apiVersion", version) != version:
        got = shown(body["apiVersion"])
        raise RefusedRequest(bad_request(f"the body's apiVersion must be {version}, not {got}"))
    shape = door.registry.review(group, VERSION, kind)
    if shape is None:
        raise LookupError(f"the schemas know no {kind}")
    decoded = decode(shape, body)
    if decoded.mistakes:
        raise RefusedRequest(unprocessable(kind, group, "", decoded.mistakes))
    return {**decoded.obj, "apiVersion": version, "kind": kind}


def _answer(review: Object, status: dict[str, Any]) -> Response:
    return Response(encoding.dumps({"metadata": {}, **review, "status": status}), 201)


REVIEWS: dict[tuple[str, str], tuple[str, Review]] = {
    (AUTHORIZATION, "selfsubjectaccessreviews"): ("SelfSubjectAccessReview", access),
    (AUTHORIZATION, "selfsubjectrulesreviews"): ("SelfSubjectRulesReview", access_rules),
    (AUTHENTICATION, "selfsubjectreviews"): ("SelfSubjectReview", whoami),
}
"""(group, plural) to (kind, handler)."""
