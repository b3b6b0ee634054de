"""The ASGI application below /market/v1. Next: `records.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from busbar.apis.kubernetes.authorization import Attributes, Check, authorize, role_of
from busbar.apis.kubernetes.ports import Identity, QuestionRefused, Questions
from busbar.model.dtu import format_dtu
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.server.market import records
from busbar.server.replies import Send
from busbar.server.requests import (
    Receive,
    RequestRefused,
    answer,
    answer_bytes,
    read_document,
)
from busbar.store.contract import Store

PREFIX = "/market/v1/"
_SERVED = (
    "POST /market/v1/quotes, GET /market/v1/gpu-classes, GET /market/v1/records, "
    "GET /market/v1/records/NAME and GET /market/v1/namespaces/NS/orders/NAME"
)
Identify = Callable[[Any], Awaitable[Identity | None]]


def create_app(
    questions: Questions, store: Store, identify: Identify, gpus: GpuClasses = GPU_CLASSES
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"][len(PREFIX) :].split("/"):
            case "GET", ["records", name]:
                await answer_bytes(send, _record(scope, name), records.KIND)
            case _:
                await answer(send, _answer_or_refuse(scope, receive))

    async def _answer_or_refuse(scope: Any, receive: Receive) -> dict[str, Any]:
        try:
            return await _answer(scope, receive)
        except QuestionRefused as refused:
            raise RequestRefused(refused.code, refused.message) from None

    async def _known(scope: Any) -> Identity:
        identity = await identify(scope)
        if identity is None:
            raise RequestRefused(401, "the cloud does not know these credentials")
        return identity

    async def _record(scope: Any, name: str) -> bytes:
        records.may_read(await _known(scope))
        return await records.packed(store, name)

    async def _answer(scope: Any, receive: Receive) -> dict[str, Any]:
        identity = await _known(scope)
        match scope["method"], scope["path"][len(PREFIX) :].split("/"):
            case "POST", ["quotes"]:
                manifest = await read_document(receive, dict, "the manifest")
                return await questions.quote(identity, manifest)
            case "GET", ["namespaces", namespace, "orders", name]:
                _may_read(identity, namespace)
                return await questions.why(namespace, name)
            case "GET", ["records"]:
                records.may_read(identity)
                return await records.listed(store, scope["query_string"])
            case "GET", ["gpu-classes"]:
                return published(gpus)
            case _:
                raise RequestRefused(404, f"nothing is served here; there are {_SERVED}")

    return app


def published(gpus: GpuClasses) -> dict[str, Any]:
    """Give what an hour of a GPU draws, in DTU by class, and of a class that is not listed."""
    return {
        "dtuPerGpuHour": {name: format_dtu(weight) for name, weight in gpus.weights},
        "default": format_dtu(gpus.default_micro),
    }


def _may_read(identity: Identity, namespace: str) -> None:
    verdict = authorize(role_of(identity), Attributes("list", "", "pods", "", namespace))
    if not verdict.allowed or verdict.check is not Check.NONE:
        why_not = verdict.reason or "only members of the namespace may ask about its orders"
        raise RequestRefused(403, why_not)
