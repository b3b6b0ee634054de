"""I16: the pieces of interrupted work are certain together, apart in time, and in time.

That they never run in two places at once is I5's affair. Next: `history.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.model.objects import Object, name_of, namespace_of, spec_of, status_of, uid_of
from busbar.model.time import HOUR
from busbar.simulator.checks.base import Step, insist


class PiecesCheck:
    """Looks at every commit that makes a plan, or moves a contract of one."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def look(self, step: Step) -> None:
        """Check the plans of one commit."""
        made: dict[str, list[Object]] = defaultdict(list)
        for key, obj in step.put:
            plan = spec_of(obj).get("plan") if key.resource == "contracts" else None
            if plan and uid_of(obj) not in self._known:
                self._known.add(uid_of(obj))
                made[plan].append(obj)
            if plan and status_of(obj).get("phase") == "Closed":
                self._ended(obj)
        for contracts in made.values():
            self._whole(step, contracts)

    def _whole(self, step: Step, contracts: list[Object]) -> None:
        needed, numbers = spec_of(contracts[0])["pieces"], [spec_of(c)["piece"] for c in contracts]
        said = f"pieces {sorted(numbers)} of {needed} were made"
        insist(sorted(numbers) == list(range(1, needed + 1)), "I16", said)
        hours = [hour for contract in contracts for hour in _hours(contract)]
        insist(len(hours) == len(set(hours)), "I16", "two pieces share an hour")
        for contract in contracts:
            end, due = spec_of(contract)["slots"][-1]["endMs"], spec_of(contract).get("notAfterMs")
            insist(due is None or end <= due, "I16", f"a piece ends at {end}, after {due}")
            pod = step.view.list("", "pods", namespace_of(contract))
            name = spec_of(contract)["order"]["name"]
            insist(any(name_of(p) == name for p in pod), "I16", f"piece {name} has no pod")

    def _ended(self, contract: Object) -> None:
        """A piece that others follow never goes on beyond what was bought for it."""
        spec = spec_of(contract)
        is_last = spec["piece"] == spec["pieces"]
        bought = len({slot["startMs"] // HOUR for slot in spec["slots"]})
        whole = spec["slots"][-1]["endMs"] - spec["slots"][0]["startMs"]
        insist(is_last or whole <= bought * HOUR, "I16", f"piece {spec['piece']} went on")


def _hours(contract: Object) -> set[int]:
    return {slot["startMs"] // HOUR for slot in spec_of(contract)["slots"]}
