"""`POST /market/v1/quotes`: what a manifest would cost, now and in each of the next 48 hours.

The manifest is read, defaulted and admitted as the Kubernetes door would, and then forgotten.
Next: `starts.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.apis.kubernetes.admission.admit import admit
from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.authorization import Attributes, authorize, role_of
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.ports import Identity, QuestionRefused
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import registry
from busbar.controllers.batch import podspec as batch
from busbar.controllers.jobs import podspec as jobs
from busbar.controllers.market.trial import Prospect, hindrances, prospects
from busbar.controllers.replicas import podspec as replicas
from busbar.controllers.standing import Standing
from busbar.ledger.entries import available
from busbar.market.eligibility import reference_draw
from busbar.market.orders import Order, OrderRefused, fixed_term_of, parse_order
from busbar.market.quote import duration_of
from busbar.model.dtu import format_dtu
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, name_of, spec_of
from busbar.model.resources import BY_KIND, Resource
from busbar.model.time import Instant, format_duration, format_instant
from busbar.model.wellknown import GROUP
from busbar.server.market.starts import cost_of, held_of, is_whole, start_of
from busbar.store.contract import Snapshot

COPIES_MAX = 256
"""Pods of one Job or service that are quoted together; more would not be read."""
_SERVICES = (("apps", "deployments"), ("apps", "replicasets"))
_QUOTED = {("", "pods"), ("batch", "jobs"), (GROUP, "jobs"), *_SERVICES}


class Asked(NamedTuple):
    """A manifest that was admitted, and where it would be stored."""

    resource: Resource
    namespace: str
    obj: Object
    warnings: tuple[str, ...]


def admitted(identity: Identity, manifest: Any, uid: str, now: Instant) -> Asked:
    """Read a manifest as if it were created; raises `QuestionRefused` with the door's sentence."""
    resource, namespace, meta = _named(manifest)
    role = role_of(identity)
    create = Attributes("create", resource.group, resource.plural, "", namespace)
    verdict = authorize(role, create)
    if not verdict.allowed:
        raise QuestionRefused(403, f"this could not be created: {verdict.reason}")
    if not meta.get("name") and not meta.get("generateName"):
        meta["name"] = "quote"
    fresh = writes.Fresh(namespace, uid, "quote")
    served, by = registry().served(resource), writes.Request("busbar", now)
    prepared = writes.create(served, manifest, fresh, by)
    if isinstance(prepared, Refusal):
        raise QuestionRefused(prepared.code, prepared.message)
    refused = admit(Change(resource, role, None, prepared.obj, now))
    if refused is not None:
        raise QuestionRefused(refused.refusal.code, refused.refusal.message)
    return Asked(resource, namespace, prepared.obj, tuple(prepared.warnings))


def _named(manifest: Any) -> tuple[Resource, str, dict[str, Any]]:
    if not isinstance(manifest, dict):
        raise QuestionRefused(400, "the manifest must be one Kubernetes object")
    kind = manifest.get("apiVersion"), manifest.get("kind")
    resource = BY_KIND.get(kind) if all(isinstance(k, str) for k in kind) else None  # type: ignore[arg-type]
    if resource is None or resource.collection not in _QUOTED:
        said = f"kind: {kind[1]} of {kind[0]} is nothing to quote; a Job, a Deployment or a Pod is"
        raise QuestionRefused(422, said[:300])
    meta = manifest.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("namespace"), str):
        raise QuestionRefused(422, "metadata.namespace: is missing; its cap and balance count")
    return resource, meta["namespace"], meta


def quote(asked: Asked, snapshot: Snapshot, standing: Standing, now: Instant) -> dict[str, Any]:
    """Give the quote as a document."""
    namespace = snapshot.get(Key("", "namespaces", "", asked.namespace))
    if namespace is None:
        said = f"namespace {asked.namespace} does not exist; make it with "
        raise QuestionRefused(404, f"{said}`kubectl create namespace {asked.namespace}`")
    pods = _pods(asked, now)
    orders = [
        standing.dealings.served(standing.freight.laden(_order(pod, namespace)), spec_of(pod))
        for pod in pods
    ]
    fixed = bool(fixed_term_of(pods[0]))
    found = list(prospects(standing, snapshot, orders, fixed, now))
    whole = [one for one in found if is_whole(one)]
    best = min(whole, key=cost_of, default=None)
    first = orders[0]
    return {
        "namespace": asked.namespace,
        "kind": asked.resource.kind,
        "name": name_of(asked.obj),
        "at": format_instant(now),
        "copies": len(orders),
        "drawDTU": format_dtu(
            sum(reference_draw(standing.book.columns, order, now) for order in orders)
        ),
        "duration": format_duration(duration_of(first)),
        "durationStated": first.duration is not None,
        "maxEuroPerDTU": format_euro(first.cap_nano),
        "mayWait": first.may_wait,
        "notAfter": "" if first.deadline is None else format_instant(first.deadline),
        "available": format_euro(snapshot.balance(available(asked.namespace))),
        "now": start_of(found[0], now),
        "hours": [start_of(one, now) for one in found[1:]],
        "cheapest": None if best is None else start_of(best, now),
        "held": _held(orders, fixed, found[0], snapshot, standing, now),
        "warnings": list(asked.warnings),
    }


def _held(
    orders: list[Order],
    fixed: bool,
    present: Prospect,
    snapshot: Snapshot,
    standing: Standing,
    now: Instant,
) -> list[dict[str, Any]]:
    """Say why what the namespace holds is not drawn on, of the first order that does not."""
    drawing = {cover.draw.match.order for cover in present.covers}
    drawn = [order for order in orders if order.id in drawing]
    other = next((order for order in orders if order.id not in drawing), None)
    if other is None:
        return []
    return [held_of(one) for one in hindrances(standing, snapshot, other, fixed, drawn, now)]


def _pods(asked: Asked, now: Instant) -> list[Object]:
    group = asked.resource.stored_group
    try:
        if group == GROUP:
            return [jobs.next_pod(asked.obj, jobs.read_spec(asked.obj), now, 0, "")]
        if group == "batch":
            spec = spec_of(asked.obj)
            at_once = spec.get("parallelism", 1)
            wanted = min(at_once, spec.get("completions") or at_once, COPIES_MAX)
            return [batch.next_pod(asked.obj, now, number) for number in range(max(1, wanted))]
        if group == "apps":
            wanted = min(spec_of(asked.obj).get("replicas", 1), COPIES_MAX)
            return [replicas.next_pod(asked.obj, now, number) for number in range(max(1, wanted))]
        return [asked.obj]
    except InvalidField as error:
        raise QuestionRefused(422, str(error)) from None


def _order(pod: Object, namespace: Object) -> Order:
    order = parse_order(pod, namespace)
    if isinstance(order, OrderRefused):
        raise QuestionRefused(422, order.sentence)
    return order
