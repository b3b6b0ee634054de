"""Paying in: POST /money/v1/topups, for operators. Next: `main.py`.

Until payment providers are a door of their own, an operator enters what arrived. The idempotency
key makes a repeated request harmless; the same key with another amount is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from busbar.ledger.settlement import top_up
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import OPERATORS
from busbar.server.replies import reply_json
from busbar.store.contract import EXISTS, Refused, Require, Store, Transaction, Why


class TopUp(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What an operator sends."""

    namespace: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    euro: str | int
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MoneyRefused(Exception):
    """A payment that is not entered: HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def enter(store: Store, request: TopUp, now: Instant) -> None:
    """Credit a namespace. Raises `MoneyRefused`."""
    try:
        amount = parse_euro(request.euro, "euro")
    except InvalidField as error:
        raise MoneyRefused(422, str(error)) from None
    if amount == 0:
        raise MoneyRefused(422, "euro: must be more than nothing")
    entry = top_up(request.namespace, amount, now, request.idempotency_key)
    exists = Require(Key("", "namespaces", "", request.namespace), EXISTS)
    outcome = await store.commit(Transaction((exists,), (entry,)))
    if isinstance(outcome, Refused):
        status = {Why.NOT_FOUND: 404, Why.IDEMPOTENCY: 409}.get(outcome.why, 422)
        if outcome.why is Why.NOT_FOUND:
            raise MoneyRefused(status, f"namespace: {request.namespace!r} does not exist")
        raise MoneyRefused(status, outcome.message)


Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Groups = Callable[[Any], Awaitable[tuple[str, ...]]]
"""Gives the groups of who asks; empty for nobody."""


def create_app(
    store: Store, groups_of: Groups, clock: Callable[[], Instant]
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application behind /money/v1/topups."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        status, reply = 200, {"status": "entered"}
        try:
            if OPERATORS not in await groups_of(scope):
                raise MoneyRefused(403, "only an operator may enter payments")
            if scope["method"] != "POST":
                raise MoneyRefused(405, "enter payments with POST")
            try:
                request = msgspec.json.decode(await _body(receive), type=TopUp)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise MoneyRefused(400, f"the payment is not valid: {error}") from None
            await enter(store, request, clock())
        except MoneyRefused as refused:
            status, reply = refused.status, {"message": refused.message}
        await reply_json(send, status, reply)

    return app


async def _body(receive: Receive) -> bytes:
    raw = bytearray()
    while len(raw) <= 65536:
        message = await receive()
        raw += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(raw)
    raise MoneyRefused(413, "a payment has at most 65536 bytes")
