"""I11: nobody who asked for a bond has a contract with a vendor who had none as large.

Reads what orders say and what the ledger holds, with code of its own. Next: `gangs.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

from busbar.model.objects import Key, Object, annotations_of, namespace_of, spec_of, uid_of
from busbar.model.wellknown import ANN_RESTRICTIONS
from busbar.simulator.checks.base import Step, insist

Json = dict[str, Any]
EURO = 10**9


class BondedCheck:
    """Looks at every contract when it is made."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._before: dict[str, int] = defaultdict(int)
        """What was in each bond before the commit that changed it last."""
        self._now: dict[str, int] = defaultdict(int)

    def look(self, step: Step) -> None:
        """Check the contracts of one commit."""
        for sealed in step.sealed:
            for posting in sealed.entry.postings:
                if posting.account.startswith("bond/"):
                    vendor = posting.account.removeprefix("bond/")
                    self._before[vendor] = self._now[vendor]
                    self._now[vendor] += posting.amount
        for key, contract in step.put:
            if key.resource == "contracts" and uid_of(contract) not in self._known:
                self._known.add(uid_of(contract))
                self._check(step, contract)

    def _check(self, step: Step, contract: Object) -> None:
        spec = spec_of(contract)
        pod = step.view.get(Key("", "pods", namespace_of(contract), spec["order"]["name"]))
        note = annotations_of(pod).get(ANN_RESTRICTIONS) if pod is not None else None
        least = _asked(json.loads(note)) if note else None
        if least is None:
            return
        # A charge may have come between the clearing and its commit: what was there before counts.
        there = max(self._now[spec["vendor"]], self._before[spec["vendor"]])
        said = f"{contract['metadata']['name']} asks for {least} € in bond, there are {there} n€"
        insist(Decimal(there) >= least * EURO, "I11", said)


def _asked(wanted: Json) -> Decimal | None:
    """Give the bond asked for, in the form that people here use."""
    amounts = [
        Decimal(part["atLeast"])
        for part in wanted.get("allOf", ())
        if part.get("attribute") in ("bond", "busbar.dev/bond")
    ]
    return max(amounts, default=None)
