"""I2: every second that ran is billed once, and none that did not, by the workloads' own log.

Next: `held.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from busbar.controllers.parts.leases import lease_of, read_lease
from busbar.controllers.parts.pods import report_of
from busbar.ledger.metering import Interval
from busbar.ledger.settlement import billed_by
from busbar.model.dtu import amount
from busbar.model.objects import Object, name_of, spec_of, status_of, uid_of
from busbar.model.time import Instant
from busbar.simulator.checks.base import Step, insist
from busbar.simulator.checks.held import HeldCheck
from busbar.simulator.machine import Run


class BillingCheck:
    """Compares bills with runs."""

    def __init__(self, runs: list[Run], liars: frozenset[str], renew_ms: int) -> None:
        self._runs, self._liars, self._renew_ms = runs, liars, renew_ms
        self._indexed = 0
        self._by_contract: dict[str, list[Run]] = defaultdict(list)
        self._billed: dict[str, list[Interval]] = defaultdict(list)
        self._contracts: dict[str, Object] = {}
        self._closed: set[str] = set()
        self._seen: dict[tuple[str, int], Instant] = {}
        """When each Pod, under each epoch, was last seen running, as the exchange was told."""
        self._held = HeldCheck()
        self._told: dict[tuple[str, int], Instant] = {}
        """When it ended, as the exchange was told or had to assume."""

    def look(self, step: Step) -> None:
        """Check the bills of one commit."""
        for run in self._runs[self._indexed :]:
            self._by_contract[run.contract].append(run)
        self._indexed = len(self._runs)
        for key, obj in step.put:
            report = report_of(obj) if key.resource == "pods" else None
            if report is not None and report.observed is not None:
                self._seen[uid_of(obj), report.epoch] = report.observed
            if report is not None and report.finished is not None:
                self._told[uid_of(obj), report.epoch] = report.finished
            if key.resource == "leases" and (lease := read_lease(obj, step.now)) is not None:
                self._held.renewed(key.name, lease.renewed)
            if key.resource == "nodes":
                self._held.saw(obj, step.now)
        contracts = [obj for key, obj in step.put if key.resource == "contracts"]
        for contract in contracts:
            self._contracts[uid_of(contract)] = contract
        for sealed in step.sealed:
            billed = billed_by(sealed.entry)
            if billed is not None:
                uid = sealed.entry.reference.removeprefix("contract/")
                self._bill(
                    self._contracts[uid], Interval(billed.from_ms, billed.until_ms), step.now
                )
        for contract in contracts:
            if status_of(contract)["phase"] == "Closed" and uid_of(contract) not in self._closed:
                self._closed.add(uid_of(contract))
                self._close(contract, step)

    def _bill(self, contract: Object, interval: Interval, now: Instant) -> None:
        name, before = name_of(contract), self._billed[uid_of(contract)]
        shown = f"{name}: [{interval.start}, {interval.end})"
        insist(
            interval.ms > 0 and interval.end <= now, "I2", f"{shown} is billed before it is over"
        )
        twice = any(interval.meet(other).ms for other in before)
        insist(not twice, "I2", f"{shown} is billed twice")
        before.append(interval)
        sold = sum(interval.meet(slot).ms for slot in _slots(contract))
        insist(sold == interval.ms, "I2", f"{shown} is billed outside the reserved slots")
        if spec_of(contract).get("procurement"):
            self._held.billed(contract, interval)
        elif spec_of(contract)["node"] not in self._liars:
            ran = sum(interval.meet(_ran(run, now)).ms for run in self._by_contract[name])
            insist(ran == interval.ms, "I2", f"{shown} is billed, and only {ran} ms of it ran")

    def _close(self, contract: Object, step: Step) -> None:
        """At its end, what ran within the slots is billed; a lost node's last moments may lack."""
        if spec_of(contract).get("procurement"):
            self._held.closed(contract, self._billed[uid_of(contract)])
            return
        runs, slots = self._by_contract[name_of(contract)], _slots(contract)
        if spec_of(contract)["node"] in self._liars:
            return
        for run in runs:
            known = Interval(slots[0].start, self._provable(run, step))
            missing = list(self._unpaid(contract, _ran(run, step.now).meet(known)))
            draw = spec_of(contract)["drawMicro"]
            worth = sum(amount(price, draw, ms) for price, ms in missing)
            lacking = sum(ms for _, ms in missing)
            what = f"{name_of(contract)}: {lacking} ms ran and are not billed"
            insist(worth == 0, "I2", what)

    def _unpaid(self, contract: Object, ran: Interval) -> Iterator[tuple[int, int]]:
        """Give, slot by slot, its price and how much of what ran in it is not billed, in ms."""
        billed = self._billed[uid_of(contract)]
        for slot in spec_of(contract)["slots"]:
            part = ran.meet(Interval(slot["startMs"], slot["endMs"]))
            paid = sum(part.meet(other).ms for other in billed)
            yield slot["priceNano"], max(0, part.ms - paid)

    def _provable(self, run: Run, step: Step) -> Instant:
        """Give up to when the exchange could know that it ran: to its end, if anybody told."""
        key = run.pod_uid, run.epoch
        if self._told.get(key) == run.end:
            return step.now
        seen, lease = self._seen.get(key), lease_of(step.view, run.node, step.now)
        if seen is None or lease is None:
            return run.start
        return min(seen, lease.renewed) - self._renew_ms


def _slots(contract: Object) -> list[Interval]:
    return [Interval(s["startMs"], s["endMs"]) for s in spec_of(contract)["slots"]]


def _ran(run: Run, now: Instant) -> Interval:
    return Interval(run.start, now if run.end is None else run.end)
