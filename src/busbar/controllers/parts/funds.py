"""What a namespace may still commit: its balance, and its month's budget.

The store's floor holds the balance against concurrent holds. The budget has no floor in the
ledger, so every hold under a budget also rewrites the Account at the revision it was read at:
two holds that were decided on the same budget cannot both commit. Next: `../market/`.
"""

from __future__ import annotations

from collections.abc import Mapping

from busbar.ledger.entries import available, held
from busbar.ledger.periods import month_of
from busbar.model.errors import InvalidField
from busbar.model.kinds.account import AccountStatus
from busbar.model.money import format_euro, parse_euro
from busbar.model.objects import Key, Object, spec_of, status_of
from busbar.model.time import Instant
from busbar.model.wellknown import ACCOUNT_NAME, GROUP
from busbar.store.contract import Put, Snapshot

from .writes import revision_of, with_status


def account_key(namespace: str) -> Key:
    """Give the key of a namespace's Account."""
    return Key(GROUP, "accounts", namespace, ACCOUNT_NAME)


def budget_of(account: Object | None) -> int | None:
    """Give the month's budget in nano-euro; None where there is none."""
    stated = spec_of(account or {}).get("budget")
    if stated is None:
        return None
    try:
        return parse_euro(stated, "spec.budget")
    except InvalidField:
        return 0


def billed_by_month(contract: Object) -> Mapping[str, int]:
    """Give what a contract was billed, by month."""
    return status_of(contract).get("billedByMonth") or {}


def spent_in(snapshot: Snapshot, namespace: str, now: Instant) -> int:
    """Give what a namespace was billed this month, by its contracts: looks at all of them."""
    contracts = snapshot.list(GROUP, "contracts", namespace)
    return sum(billed_by_month(contract).get(month_of(now), 0) for contract in contracts)


def budget_left(snapshot: Snapshot, namespace: str, spent: int) -> int | None:
    """Give what the budget leaves to commit: holds of open contracts count as spent.

    `spent` is what the namespace was billed this month (`Contracts.spent`).
    """
    budget = budget_of(snapshot.get(account_key(namespace)))
    if budget is None:
        return None
    return max(0, budget - spent - snapshot.balance(held(namespace)))


def account_status(
    snapshot: Snapshot, namespace: str, account: Object, spent: int, holding: int = 0
) -> dict[str, object]:
    """Give the Account's status, `spent` this month, `holding` nano-euro more being held."""
    kept = snapshot.balance(held(namespace)) + holding
    budget = budget_of(account)
    status = AccountStatus(
        balance=format_euro(snapshot.balance(available(namespace)) - holding),
        held=format_euro(kept),
        spent_this_month=format_euro(spent),
        budget_left="" if budget is None else format_euro(max(0, budget - spent - kept)),
    )
    return {
        "balance": status.balance,
        "held": status.held,
        "spentThisMonth": status.spent_this_month,
        "budgetLeft": status.budget_left,
    }


def claim_budget(snapshot: Snapshot, namespace: str, holding: int, spent: int) -> tuple[Put, ...]:
    """Make a hold the only one decided on the present budget; nothing where there is none."""
    account = snapshot.get(account_key(namespace))
    if account is None or budget_of(account) is None:
        return ()
    status = account_status(snapshot, namespace, account, spent, holding)
    claimed = with_status(account, **status)
    return (Put(account_key(namespace), claimed, revision_of(account)),)
