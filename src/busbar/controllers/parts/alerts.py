"""Telling how much of a month's budget is gone: each part once a month, as Event and condition.

What was told is remembered on the Account, so that neither a restart nor a balance that goes up and
down tells it again. Next: `../accounts.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.events import event
from busbar.controllers.parts.funds import budget_of
from busbar.controllers.parts.writes import with_status
from busbar.ledger.periods import month_of
from busbar.model.money import format_euro
from busbar.model.objects import Object, spec_of, status_of
from busbar.model.time import Instant
from busbar.store.contract import Op, Snapshot

PERCENT = (50, 80, 100)
"""Parts that are told where the Account names none."""


class Alerts(NamedTuple):
    """Fields of the Account's status, and Events for what is new."""

    status: dict[str, Any]
    events: tuple[Op, ...] = ()


NO_BUDGET = Alerts({"conditions": None})
"""What was told in a month stays told, should a budget be set again in it."""


def alerts(snapshot: Snapshot, account: Object, used: int, now: Instant) -> Alerts:
    """Say which parts of the budget are gone; `used` is what is spent and held this month."""
    budget = budget_of(account)
    if budget is None:
        return NO_BUDGET
    month, parts = month_of(now), spec_of(account).get("alertPercent") or PERCENT
    known = status_of(account)
    told = set(known.get("alertedPercent") or ()) if known.get("alertedMonth") == month else set()
    reached = {part for part in parts if used * 100 >= part * budget}
    shown, events = account, list[Op]()
    for part in sorted(parts):
        is_gone = part in told | reached
        said = f"{part} % of the budget of {format_euro(budget)} € were spent or held in {month}."
        word, text = ("Reached", said) if is_gone else ("Below", "")
        kind = f"Budget{part}Percent"
        if not (is_gone and _says_so(shown, kind, month)):
            shown = _told(shown, kind, is_gone, now, word, text)
        if part in reached - told:
            events.append(event(snapshot, account, now, "BudgetAlert", said, warning=True))
    kept = {f"Budget{part}Percent" for part in parts}
    conditions = [c for c in status_of(shown).get("conditions") or () if c["type"] in kept]
    status = {
        "alertedMonth": month,
        "alertedPercent": sorted(told | reached) or None,
        "conditions": conditions,
    }
    return Alerts(status, tuple(events))


def _says_so(account: Object, kind: str, month: str) -> bool:
    """Say whether a condition tells of this month already, whatever the budget was then."""
    known = [c for c in status_of(account).get("conditions") or () if c["type"] == kind]
    return any(c["status"] == "True" and month in c.get("message", "") for c in known)


def _told(account: Object, kind: str, holds: bool, now: Instant, word: str, text: str) -> Object:
    return with_status(account, conditions=with_condition(account, kind, holds, now, word, text))
