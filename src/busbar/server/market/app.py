"""The ASGI application below /market/v1. Next: `records.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from busbar.apis.kubernetes.authorization import Attributes, Check, authorize, role_of
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.ports import Identity
from busbar.market.luggage import NOWHERE, Place
from busbar.model.dtu import format_dtu
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.model.time import Instant
from busbar.server.market import records
from busbar.server.market.observatory import Observatory
from busbar.server.market.quotes import admitted, quote
from busbar.server.market.why import why
from busbar.server.replies import Send
from busbar.server.requests import (
    Receive,
    RequestRefused,
    answer,
    answer_bytes,
    read_document,
)

PREFIX = "/market/v1/"
_SERVED = (
    "POST /market/v1/quotes, GET /market/v1/gpu-classes, GET /market/v1/records, "
    "GET /market/v1/records/NAME and GET /market/v1/namespaces/NS/orders/NAME"
)
Identify = Callable[[Any], Awaitable[Identity | None]]


def create_app(
    door: Door,
    identify: Identify,
    clock: Callable[[], Instant],
    place: Place = NOWHERE,
    gpus: GpuClasses = GPU_CLASSES,
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application."""
    observatory = Observatory(door.store, place, gpus)

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        match scope["method"], scope["path"][len(PREFIX) :].split("/"):
            case "GET", ["records", name]:
                await answer_bytes(send, _record(scope, name), records.KIND)
            case _:
                await answer(send, _answer(scope, receive))

    async def _known(scope: Any) -> Identity:
        identity = await identify(scope)
        if identity is None:
            raise RequestRefused(401, "the cloud does not know these credentials")
        return identity

    async def _record(scope: Any, name: str) -> bytes:
        records.may_read(await _known(scope))
        return await records.packed(door.store, name)

    async def _answer(scope: Any, receive: Receive) -> dict[str, Any]:
        identity = await _known(scope)
        match scope["method"], scope["path"][len(PREFIX) :].split("/"):
            case "POST", ["quotes"]:
                manifest = await read_document(receive, dict, "the manifest")
                asked = admitted(door, identity, manifest, clock())
                return await observatory.ask(lambda s, st: quote(asked, s, st, clock()))
            case "GET", ["namespaces", namespace, "orders", name]:
                _may_read(identity, namespace)
                return await observatory.ask(lambda s, st: why(namespace, name, s, st, clock()))
            case "GET", ["records"]:
                records.may_read(identity)
                return await records.listed(door.store, scope["query_string"])
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
