"""Accounts: the ledger's word on a namespace, as an object. Next: `offers.py`.

The ledger holds the truth; this shows it. Paying in changes no object and so wakes nobody: each
account is looked at every few seconds, and written only when it differs.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.parts.alerts import alerts
from busbar.controllers.parts.funds import account_key, account_status
from busbar.controllers.parts.writes import update_status
from busbar.controllers.pools import seller_of
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.ledger.entries import held
from busbar.ledger.entries import vendor as vendor_account
from busbar.ledger.settlement import RESALE, resale
from busbar.model.money import format_euro
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot

ACCOUNTS: Collection = (GROUP, "accounts")


class AccountController:
    """Keeps each Account's status what the ledger says."""

    name = "accounts"
    watches: tuple[Collection, ...] = (ACCOUNTS, (GROUP, "contracts"))

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._settings = settings
        self._standing = standing
        self.coalesce_ms = settings.status_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a namespace's Account for itself and for each contract."""
        return (account_key(event.key.namespace),)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Show the balances."""
        account = snapshot.get(key)
        if account is None:
            return NOTHING
        spent = self._standing.at(snapshot).contracts.spent(key.namespace, now)
        status = account_status(snapshot, key.namespace, account, spent)
        note = f"account of {key.namespace}: {status['balance']} € free, {status['held']} € held"
        used = spent + snapshot.balance(held(key.namespace))
        told = alerts(snapshot, account, used, now)
        ops = (*update_status(account, **status, **told.status), *told.events)
        seller = seller_of(key.namespace)
        earned = snapshot.balance(vendor_account(RESALE + seller))
        if earned:
            entry = resale(key.namespace, seller, earned, now, snapshot.head.seq)
            note = f"account of {key.namespace}: {format_euro(earned)} € earned by resale"
            return decide(entries=[entry], requeue_at=now + self._settings.status_ms, note=note)
        return decide(*ops, requeue_at=now + self._settings.payday_ms, note=note if ops else "")
