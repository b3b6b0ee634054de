"""The doors of the money: POST what moved, for operators; GET the journal. Next: `audit.py`.

    POST /money/v1/topups credits corrections payouts bonds closings
    GET  /money/v1/entries closings audit

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
from busbar.model.money import format_euro
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import OPERATORS
from busbar.server.audit import AuditStatus
from busbar.server.bookings import (
    Bond,
    Bookings,
    Closing,
    Correction,
    Credit,
    IdempotencyKey,
    MoneyRefused,
    Payout,
    Request,
    positive,
    refused,
)
from busbar.server.entries import check_allowed, parse, send_entries
from busbar.server.replies import Send, reply_json
from busbar.server.requests import Receive, RequestRefused, answer, read_document
from busbar.store.contract import (
    EXISTS,
    Refused,
    Require,
    Snapshot,
    Store,
    StoreFailed,
    Transaction,
)


class TopUp(Request):
    """A payment that arrived."""

    namespace: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    euro: str | int
    idempotency_key: IdempotencyKey


async def enter(store: Store, request: TopUp, now: Instant) -> dict[str, Any]:
    """Credit a namespace; gives its balances after that. Raises `MoneyRefused`."""
    amount = positive(request.euro)
    entry = top_up(request.namespace, amount, now, request.idempotency_key)
    exists = Require(Key("", "namespaces", "", request.namespace), EXISTS)
    before = await store.snapshot()
    outcome = await store.commit(Transaction((exists,), (entry,)))
    if isinstance(outcome, Refused):
        raise refused(outcome)
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
User = Callable[[Any], Awaitable[str]]
"""Gives the user name of who asks."""

ROOT = "/money/v1/"
REQUESTS: dict[str, tuple[type[Request], str]] = {
    "credits": (Credit, "the credit"),
    "corrections": (Correction, "the correction"),
    "payouts": (Payout, "the payout"),
    "bonds": (Bond, "the bond's change"),
    "closings": (Closing, "the closing"),
}


def create_app(
    store: Store,
    groups_of: Groups,
    user_of: User,
    clock: Callable[[], Instant],
    audited: Callable[[], AuditStatus],
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application behind /money/v1."""
    bookings = Bookings(store, clock)

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        what = scope["path"].removeprefix(ROOT)
        if (scope["method"], what) == ("GET", "entries"):
            await _show_entries(scope, send)
        else:
            await answer(send, _do(scope, receive, what))

    async def _show_entries(scope: Any, send: Send) -> None:
        try:
            asked = parse(scope.get("query_string") or b"")
            check_allowed(asked, await user_of(scope), await groups_of(scope))
        except RequestRefused as refusal:
            await reply_json(send, refusal.status, {"message": refusal.message})
        else:
            await send_entries(send, store, asked)

    async def _do(scope: Any, receive: Receive, what: str) -> Any:
        groups = await groups_of(scope)
        if (scope["method"], what) == ("GET", "closings"):
            if not groups:
                raise MoneyRefused(403, "who asks is not known")
            return {"closed": await bookings.closed()}
        if OPERATORS not in groups:
            raise MoneyRefused(403, "only an operator may enter payments and see the audit")
        if (scope["method"], what) == ("GET", "audit"):
            return audited()
        if scope["method"] != "POST":
            raise MoneyRefused(405, "enter payments with POST")
        if what == "topups":
            return await enter(store, await read_document(receive, TopUp, "the payment"), clock())
        if what not in REQUESTS:
            known = ", ".join(("topups", *REQUESTS))
            raise MoneyRefused(404, f"there is no {ROOT}{what}; there are {known}")
        return await bookings.enter(await read_document(receive, *REQUESTS[what]))

    return app
