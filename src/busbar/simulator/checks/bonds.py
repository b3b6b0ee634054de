"""I17: a failed delivery is charged to the bond once, by the rule, and nobody else's doing ever.

Works the amount out from the contract as it was before, with arithmetic of its own; and knows from
the network when most machines were cut off, which no vendor is to pay for. Next: `clearings.py`.
"""

from __future__ import annotations

from busbar.controllers.reliability import Reliability
from busbar.ledger.entries import Entry
from busbar.model.objects import Object, name_of, namespace_of, spec_of, status_of
from busbar.model.time import HOUR, Instant
from busbar.simulator.checks.base import Step, insist
from busbar.simulator.checks.ended import Endings
from busbar.simulator.machine import Timing

OWN_DOING = frozenset({"NodeLost", "NotTakenUp", "WithdrawnEarly"})
MICRO = 10**6


class BondCheck:
    """Follows contracts to their end, and compares it with what was taken out of bonds."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._endings = Endings("I17", "slash")
        self._cut_since: Instant | None = None
        self._cuts: list[tuple[Instant, Instant]] = []
        self._reliability = Reliability()
        self._count = 0

    def look(self, step: Step) -> None:
        """Check one commit."""
        for ended in self._endings.of(step):
            self._ended(*ended, step)
        self._count += 1
        if self._count % 64 == 0:
            self._compare(step)

    def watch_network(self, now: Instant, *, most_are_cut: bool) -> None:
        """Learn, at every instant at which something happens, whether most are cut off."""
        if most_are_cut and self._cut_since is None:
            self._cut_since = now
        elif not most_are_cut and self._cut_since is not None:
            self._cuts.append((self._cut_since, now))
            self._cut_since = None

    def _ended(self, before: Object, after: Object, slash: Entry | None, step: Step) -> None:
        status, name = status_of(after), name_of(after)
        reason, said = status["reason"], status.get("compensatedNano", 0)
        taken = 0 if slash is None else max(p.amount for p in slash.postings)
        insist(said == taken, "I17", f"{name} says {said} was paid, the journal {taken}")
        own = reason in OWN_DOING
        insist(own or not taken, "I17", f"{name} ended as {reason} and was charged {taken}")
        if slash is not None:
            accounts = {p.account for p in slash.postings}
            right = {f"bond/{spec_of(after)['vendor']}", f"ns/{namespace_of(after)}/available"}
            insist(accounts == right, "I17", f"{name}: {accounts} are not {right}")
        if own:
            self._check_amount(before, after, taken, step)
            self._check_doing(after)

    def _check_amount(self, before: Object, after: Object, taken: int, step: Step) -> None:
        spec, status = spec_of(after), status_of(after)
        start = spec["slots"][0]["startMs"]
        end = status["finishedMs"] if status.get("startedMs") is not None else start
        done = status_of(before).get("settledUntilMs") or 0
        left = [s for s in spec["slots"] if s["endMs"] > max(done, end) and not s.get("reserved")]
        cost = [
            s["priceNano"] * spec["drawMicro"] * (s["endMs"] - s["startMs"]) // (MICRO * HOUR)
            for s in left
        ]
        least, most = sum(cost) // 10, sum(cost) + sum(cost) // 10 + len(cost)
        if status["reason"] == "WithdrawnEarly":
            most += _notice(spec, status, end)
        insist(taken <= most, "I17", f"{name_of(after)} was charged {taken}, at most {most} is due")
        in_bond = step.view.balance(f"bond/{spec['vendor']}")
        enough = taken >= least or in_bond == 0
        insist(enough, "I17", f"{name_of(after)} was charged {taken}, at least {least} is due")

    def _check_doing(self, contract: Object) -> None:
        """No loss is a vendor's that happened while most machines had long been cut off."""
        status, lease_ms = status_of(contract), self._timing.lease_ms
        ended = status.get("finishedMs")
        if ended is None or status["reason"] != "NodeLost":
            return
        for since, until in self._cuts:
            within = since + lease_ms - self._timing.renew_ms <= ended <= until
            said = f"{name_of(contract)} is charged though most machines were cut off"
            insist(not (within and until - since > 2 * lease_ms), "I17", said)

    def _compare(self, step: Step) -> None:
        """Check that reliability followed is reliability counted afresh."""
        followed, fresh = self._reliability.at(step.view), Reliability().at(step.view)
        for vendor in {spec_of(c)["vendor"] for c in self._endings.contracts.values()}:
            same = followed.nodes_of(vendor) == fresh.nodes_of(vendor)
            same &= followed.of(vendor) == fresh.of(vendor)
            insist(same, "I17", f"the reliability of {vendor} is not the fold of its contracts")


def _notice(spec: Object, status: Object, end: Instant) -> int:
    """Give what the notice would have cost that was due beyond what was sold."""
    last = spec["slots"][-1]
    until = 0 if last.get("reserved") else status.get("noticeUntilMs") or 0
    ms = max(0, until - max(end, last["endMs"]))
    return int(last["priceNano"] * spec["drawMicro"] * ms // (MICRO * HOUR)) + 1
