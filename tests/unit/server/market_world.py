"""A small exchange behind the control plane's own applications; no socket, time set by hand."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.unit.controllers.house import House

from busbar.apis.kubernetes.app import KubernetesApp
from busbar.apis.kubernetes.app import create_app as kubernetes_app
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.ports import Identity
from busbar.model.time import SECOND
from busbar.server.market.questions import MarketQuestions

OPERATOR = Identity("admin", ("system:masters",))
MEMBER = Identity("alice", ("busbar:namespace:xyz",))
OTHER = Identity("bob", ("busbar:namespace:beta",))
VENDOR = Identity("vendor:elastx", ("busbar:vendors",))
NODE = Identity("system:node:n1", ("system:nodes",))
STRANGER = Identity("stranger")


def selling() -> House:
    """Give an exchange with a vendor that asks 0.04 €, and a namespace that can pay."""
    house = House()
    house.supply(price="0.04")
    house.namespace()
    house.wait(3 * SECOND)
    return house


def job(api: str = "busbar.dev/v1alpha1", kind: str = "Job", **spec: Any) -> dict[str, Any]:
    spec = {"image": "work", "resources": {"cpu": "1", "memory": "2Gi"}, **spec}
    meta = {"name": "j", "namespace": "xyz"}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec}


TEMPLATE = {
    "restartPolicy": "Never",
    "containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
    ],
}


def workload(kind: str, **spec: Any) -> dict[str, Any]:
    api, inner = (
        ("v1", TEMPLATE) if kind == "Pod" else ("batch/v1", {"template": {"spec": TEMPLATE}})
    )
    meta = {"name": "w", "namespace": "xyz"}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": {**inner, **spec}}


def service(**spec: Any) -> dict[str, Any]:
    labels = {"app": "w"}
    pods = {**TEMPLATE, "restartPolicy": "Always"}
    spec = {"template": {"metadata": {"labels": labels}, "spec": pods}, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w", "namespace": "xyz"},
        "spec": {"selector": {"matchLabels": labels}, **spec},
    }


class Reply(NamedTuple):
    status: int
    kind: str
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def new_uid() -> str:
    return str(uuid.uuid4())


def kubernetes_of(house: House, **more: Any) -> KubernetesApp:
    """Give the Kubernetes door with the market behind it."""
    asked = questions_of(house)
    clock = lambda: house.now  # noqa: E731
    return kubernetes_app(house.store, clock=clock, new_uid=new_uid, questions=asked, **more)


def door_of(house: House) -> Door:
    return kubernetes_of(house).door


def questions_of(house: House) -> MarketQuestions:
    return MarketQuestions(house.store, lambda: house.now, new_uid)


def call(
    app: Any,
    method: str,
    path: str,
    body: Any = None,
    headers: Sequence[tuple[bytes, bytes]] = (),
    query: bytes = b"",
) -> Reply:
    """Do one request."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": list(headers),
        "query_string": query,
    }
    asyncio.run(app(scope, receive, send))
    start, *parts = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    whole = b"".join(part["body"] for part in parts)
    return Reply(start["status"], told["content-type"], whole, told)


def knows(identity: Identity | None) -> Any:
    """Give an `identify` that always finds the same caller."""

    async def identify(scope: Any) -> Identity | None:
        return identity

    return identify
