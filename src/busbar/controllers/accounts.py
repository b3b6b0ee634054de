"""Accounts: the ledger's word on a namespace, as an object. Next: `offers.py`.

The ledger holds the truth; this shows it. Whoever tops an account up touches its Account object in
the same transaction, so that everything that waits for money is woken.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.parts.funds import account_key, account_status
from busbar.controllers.parts.writes import update_status
from busbar.controllers.settings import Settings
from busbar.model.objects import Key
from busbar.model.time import DAY, Instant, to_datetime
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot

ACCOUNTS: Collection = (GROUP, "accounts")


class AccountController:
    """Keeps each Account's status what the ledger says."""

    name = "accounts"
    watches: tuple[Collection, ...] = (ACCOUNTS, (GROUP, "contracts"))

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = settings.status_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a namespace's Account for itself and for each contract."""
        return (account_key(event.key.namespace),)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Show the balances."""
        account = snapshot.get(key)
        if account is None:
            return NOTHING
        status = account_status(snapshot, key.namespace, account, now)
        note = f"account of {key.namespace}: {status['balance']} € free, {status['held']} € held"
        ops = update_status(account, **status)
        return decide(*ops, requeue_at=_next_month(now), note=note if ops else "")


def _next_month(now: Instant) -> Instant:
    """Give the start of the next month (UTC), when a budget is whole again."""
    at = now - now % DAY + DAY
    while to_datetime(at).day != 1:
        at += DAY
    return at
