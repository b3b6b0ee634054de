"""I2 of capacity that is held without a workload: paid while its node was there, and only then.

It goes by what the exchange published of each node, not by what controllers read when they
settled. Next: `capacity.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.ledger.metering import Interval
from busbar.model.objects import Object, condition, name_of, spec_of, status_of
from busbar.model.time import Instant
from busbar.simulator.checks.base import insist


class HeldCheck:
    """Follows when each node was said to be lost."""

    def __init__(self) -> None:
        self._outages: dict[str, list[Interval]] = defaultdict(list)
        self._lost_at: dict[str, Instant] = {}
        self._renewed: dict[str, Instant] = {}

    def saw(self, node: Object, now: Instant) -> None:
        """Take in what is published of a node."""
        name, ready = name_of(node), (condition(node, "Ready") or {}).get("status")
        if ready == "Unknown":
            self._lost_at.setdefault(name, self._renewed.get(name, now))
        elif ready == "True" and name in self._lost_at:
            self._outages[name].append(Interval(self._lost_at.pop(name), now))

    def renewed(self, node: str, at: Instant) -> None:
        """Take in a renewal of a node's lease: a loss dates from the last one."""
        self._renewed[node] = at

    def billed(self, contract: Object, interval: Interval) -> None:
        """Check that a billed interval holds no outage."""
        out = sum(interval.meet(outage).ms for outage in self._all(contract))
        what = f"{name_of(contract)}: [{interval.start}, {interval.end})"
        insist(out < _SECOND, "I2", f"{what} is billed, and its node was lost for {out} ms of it")

    def closed(self, contract: Object, billed: list[Interval]) -> None:
        """Check that one that ended in time was paid for all the time that its node was there."""
        if status_of(contract)["reason"] != "TermEnded" or not _is_worth(contract):
            return
        slots = spec_of(contract)["slots"]
        start = slots[0]["startMs"]
        noted = status_of(contract).get("outages") or ()
        late = [o["untilMs"] for o in noted if o["fromMs"] == start and o.get("untilMs")]
        term = Interval(max([start, *late]), slots[-1]["endMs"])
        outages = self._all(contract)
        there = term.ms - sum(term.meet(outage).ms for outage in outages)
        paid = sum(term.meet(part).ms for part in billed)
        what = f"{name_of(contract)}: {there} ms were held and {paid} ms are billed"
        insist(abs(paid - there) <= _SECOND * len(outages), "I2", what)

    def _all(self, contract: Object) -> list[Interval]:
        node = str(spec_of(contract)["node"])
        lost = self._lost_at.get(node)
        return self._outages[node] + ([] if lost is None else [Interval(lost, _NEVER)])


_NEVER = 2**62
_SECOND = 1000
"""A condition's time is written in whole seconds."""


def _is_worth(contract: Object) -> bool:
    return any(slot["priceNano"] for slot in spec_of(contract)["slots"])
