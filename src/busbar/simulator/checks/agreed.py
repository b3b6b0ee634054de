"""I19: fee and draw stay as a contract was made; a part of a budget is told once.

Next: `clearings.py`.
"""

from __future__ import annotations

from busbar.ledger.periods import month_of
from busbar.ledger.settlement import billed_by
from busbar.model.objects import Object, spec_of, uid_of
from busbar.simulator.checks.base import Step, insist


class AgreedCheck:
    """Remembers what contracts were made with, and what accounts were told."""

    def __init__(self) -> None:
        self._fees: dict[str, int | None] = {}
        self._draws: dict[str, int] = {}
        self._told: set[tuple[str, str, str]] = set()

    def look(self, step: Step) -> None:
        """Check one commit."""
        for key, obj in step.put:
            if key.resource == "contracts":
                made = self._fees.setdefault(uid_of(obj), spec_of(obj).get("feePpm"))
                same = spec_of(obj).get("feePpm") == made
                insist(same, "I19", f"{key} was made with a fee of {made} ppm")
                draw = self._draws.setdefault(uid_of(obj), spec_of(obj)["drawMicro"])
                same = spec_of(obj)["drawMicro"] == draw
                insist(same, "I19", f"{key} was made with a draw of {draw} micro-DTU/h")
            elif key.resource == "events" and obj["reason"] == "BudgetAlert":
                self._alert(obj, month_of(step.now))
        for sealed in step.sealed:
            billed = billed_by(sealed.entry)
            uid = sealed.entry.reference.removeprefix("contract/")
            if billed is not None:
                right = self._fees[uid]
                said = f"{sealed.entry.id} has a fee of {billed.fee_ppm} ppm, agreed is {right}"
                insist(billed.fee_ppm == right, "I19", said)

    def _alert(self, said: Object, month: str) -> None:
        part = str(said["message"]).partition(" ")[0]
        mark = (str(said["involvedObject"]["uid"]), part, month)
        insist(mark not in self._told, "I19", f"{part} % of a budget were told again in {month}")
        self._told.add(mark)
