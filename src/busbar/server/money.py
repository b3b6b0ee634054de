"""Paying in: POST /money/v1/topups, for operators. Next: `audit.py`.

Until payment providers are a door of their own, an operator enters what arrived. The idempotency
key makes a repeated request harmless; the same key with another amount is refused. The answer is
the balance as committed, so that nobody need wait for the Account to follow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from busbar.controllers.parts.funds import account_key, account_status, spent_in
from busbar.controllers.parts.writes import update_status
from busbar.ledger.entries import available, held
from busbar.ledger.settlement import top_up
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro, parse_euro
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import OPERATORS
from busbar.server.audit import AuditStatus
from busbar.server.replies import Send
from busbar.server.requests import Receive, RequestRefused, answer, read_document
from busbar.store.contract import (
    EXISTS,
    Refused,
    Require,
    Snapshot,
    Store,
    StoreFailed,
    Transaction,
    Why,
)

TOP_UPS_PATH = "/money/v1/topups"
AUDIT_PATH = "/money/v1/audit"


class TopUp(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What an operator sends."""

    namespace: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    euro: str | int
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MoneyRefused(RequestRefused):
    """A payment that is not entered."""


async def enter(store: Store, request: TopUp, now: Instant) -> dict[str, Any]:
    """Credit a namespace; gives its balances after that. Raises `MoneyRefused`."""
    try:
        amount = parse_euro(request.euro, "euro")
    except InvalidField as error:
        raise MoneyRefused(422, str(error)) from None
    if amount == 0:
        raise MoneyRefused(422, "euro: must be more than nothing")
    entry = top_up(request.namespace, amount, now, request.idempotency_key)
    exists = Require(Key("", "namespaces", "", request.namespace), EXISTS)
    before = await store.snapshot()
    outcome = await store.commit(Transaction((exists,), (entry,)))
    if isinstance(outcome, Refused):
        raise _refused(outcome, request)
    after = await store.snapshot()
    await _show(store, after, request.namespace, now)
    new = await store.journal(before.head.seq)
    return {
        "namespace": request.namespace,
        "euro": format_euro(amount),
        "repeated": all(sealed.entry.id != entry.id for sealed in new),
        "balance": format_euro(after.balance(available(request.namespace))),
        "held": format_euro(after.balance(held(request.namespace))),
    }


def _refused(outcome: Refused, request: TopUp) -> MoneyRefused:
    if outcome.why is Why.NOT_FOUND:
        said = f"namespace: {request.namespace!r} does not exist; make it with "
        return MoneyRefused(404, f"{said}`kubectl create namespace {request.namespace}`")
    is_conflict = outcome.why in (Why.IDEMPOTENCY, Why.MONEY_STOPPED)
    return MoneyRefused(409 if is_conflict else 422, outcome.message)


async def _show(store: Store, snapshot: Snapshot, namespace: str, now: Instant) -> None:
    """Let the Account say so at once. Where it has changed meanwhile its controller will."""
    account = snapshot.get(account_key(namespace))
    if account is not None:
        spent = spent_in(snapshot, namespace, now)
        status = account_status(snapshot, namespace, account, spent)
        with contextlib.suppress(StoreFailed):  # The payment itself is entered.
            await store.commit(Transaction(update_status(account, **status)))


Groups = Callable[[Any], Awaitable[tuple[str, ...]]]
"""Gives the groups of who asks; empty for nobody."""


def create_app(
    store: Store,
    groups_of: Groups,
    clock: Callable[[], Instant],
    audited: Callable[[], AuditStatus],
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application behind /money/v1/topups and /money/v1/audit."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, _work(scope, receive))

    async def _work(scope: Any, receive: Receive) -> Any:
        if OPERATORS not in await groups_of(scope):
            raise MoneyRefused(403, "only an operator may enter payments and see the audit")
        if scope["path"] == AUDIT_PATH and scope["method"] == "GET":
            return audited()
        if scope["path"] != TOP_UPS_PATH:
            raise MoneyRefused(404, f"there are {TOP_UPS_PATH} and {AUDIT_PATH} here")
        return await _enter(scope, receive)

    async def _enter(scope: Any, receive: Receive) -> dict[str, Any]:
        if scope["method"] != "POST":
            raise MoneyRefused(405, "enter payments with POST")
        return await enter(store, await read_document(receive, TopUp, "the payment"), clock())

    return app
