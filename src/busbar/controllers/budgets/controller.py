"""Keeps the status of disruption budgets: one look at a namespace's Pods for all its budgets.

Next: `../nodes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.budgets.count import BUDGETS, FORGOTTEN_MS, count
from busbar.controllers.contract import NOTHING, Collection, Decision
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.writes import update_status
from busbar.controllers.settings import Settings
from busbar.model.objects import Key, Object, metadata
from busbar.model.time import Instant
from busbar.store.contract import Event, Op, Snapshot, Transaction


class DisruptionBudgetController:
    """Counts what each budget allows."""

    name = "disruptionbudgets"
    watches: tuple[Collection, ...] = (
        BUDGETS,
        ("", "pods"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
    )

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = settings.budgets_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a namespace."""
        return (Key(*BUDGETS, event.key.namespace, ""),)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Count the budgets of a namespace."""
        budgets = list(snapshot.list(*BUDGETS, key.namespace))
        if not budgets:
            return NOTHING
        pods = list(snapshot.list("", "pods", key.namespace))
        writes = [_counted(snapshot, budget, pods, now) for budget in budgets]
        done = tuple(Transaction(ops) for ops in writes if ops)
        waits = any((budget.get("status") or {}).get("disruptedPods") for budget in budgets)
        return Decision(done, now + FORGOTTEN_MS if waits else None)


def _counted(
    snapshot: Snapshot, budget: Object, pods: list[Object], now: Instant
) -> tuple[Op, ...]:
    found = count(snapshot, budget, pods, now)
    word = "SufficientPods" if found.allowed else "InsufficientPods"
    told = with_condition(budget, "DisruptionAllowed", bool(found.allowed), now, word)
    return update_status(
        budget,
        observedGeneration=metadata(budget).get("generation"),
        expectedPods=found.expected,
        currentHealthy=found.healthy,
        desiredHealthy=found.desired,
        disruptionsAllowed=found.allowed,
        disruptedPods=found.disrupted or None,
        conditions=told,
    )
