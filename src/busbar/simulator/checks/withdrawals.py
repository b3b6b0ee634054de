"""I20: who withdraws a reservation late pays for it by the rule; nobody pays for another's doing.

Works the charge out from the contract, with arithmetic of its own. Next: `clearings.py`.
"""

from __future__ import annotations

from busbar.ledger.entries import Entry, vendor_of
from busbar.model.objects import (
    Key,
    Object,
    condition,
    is_deleting,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.objects import namespace_of as home_of
from busbar.model.time import HOUR, MINUTE, Instant
from busbar.simulator.checks.base import Step, insist
from busbar.simulator.checks.ended import Endings

BEFORE_MS = 2 * HOUR


class WithdrawalCheck:
    """Follows contracts to their end, and compares it with what was charged for withdrawing."""

    def __init__(self) -> None:
        self._endings = Endings("I20", "withdraw")

    def look(self, step: Step) -> None:
        """Check one commit."""
        for ended in self._endings.of(step):
            self._ended(*ended, step)

    def _ended(self, before: Object, after: Object, entry: Entry | None, step: Step) -> None:
        name, spec, status = name_of(after), spec_of(after), status_of(after)
        charge = 0 if entry is None else -sum(p.amount for p in entry.postings if _is_own(p, after))
        said = status.get("withdrawalNano", 0)
        insist(said == charge, "I20", f"{name} says {said}, the journal {charge}")
        at = step.now if entry is None else entry.at
        due = _due(after, at, charge)
        if entry is not None:
            paid, kept_by = vendor_of(entry), spec["vendor"]
            kept_by = f"resale:{spec['seller']}" if spec.get("seller") else kept_by
            insist(paid == kept_by, "I20", f"{name} was kept by {kept_by}, and {paid} is paid")
        if status["reason"] != "Deleted" or spec.get("reservedAtMs") is None:
            insist(not charge, "I20", f"{name} ended as {status['reason']} and was charged")
        elif _is_vendors(before, spec, step):
            insist(not charge, "I20", f"{name} was charged {charge}, and its vendor let go of it")
        elif charge:
            insist(charge == due, "I20", f"{name} was charged {charge}, {due} are due")
        elif at < spec["slots"][0]["startMs"] and spec.get("piece", 0) < 2:
            # The decision was made a moment before.
            due = _due(after, at - MINUTE, charge)
            insist(not due, "I20", f"{name} was charged nothing, {due} are due")


def _is_own(posting: tuple[str, int], contract: Object) -> bool:
    return posting[0].startswith(f"ns/{home_of(contract)}/")


def _due(contract: Object, at: Instant, charge: int) -> int:
    """Give what the rule says, in its own arithmetic: thousandths of a second, rounded once."""
    spec, status = spec_of(contract), status_of(contract)
    reserved = spec.get("reservedAtMs") or at
    total = 0
    for slot in spec["slots"]:
        start, end = slot["startMs"], slot["endMs"]
        stood = min(at, start) - max(reserved, start - BEFORE_MS)
        worth = slot["priceNano"] * spec["drawMicro"] * (end - start) // (10**6 * HOUR)
        total += worth * max(0, stood)
    moved = (status.get("transfer") or {}).get("billedNano", 0)
    worked = int(status.get("billedNano", 0)) - int(moved) - charge
    return max(0, total // (2 * BEFORE_MS) - worked)


def _is_vendors(before: Object, spec: dict[str, str], step: Step) -> bool:
    """Say whether the vendor had taken it back, or its node was not there to deliver."""
    node = step.view.get(Key("", "nodes", "", spec["node"]))
    if node is None or status_of(before).get("reclaimBy"):
        return True
    is_up = (condition(node, "Ready") or {}).get("status") == "True"
    return not is_up or is_deleting(node) or _waits_for_its_node(before, step)


def _waits_for_its_node(before: Object, step: Step) -> bool:
    begun = bool(spec_of(before)["slots"][0]["startMs"] <= step.now)
    return begun and status_of(before)["phase"] == "Reserved"
