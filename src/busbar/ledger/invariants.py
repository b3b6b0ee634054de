"""Checkers of the money's invariants, over balances, journal and contracts.

Run after every step by the simulator and continuously by the server. An empty result is good.
I1: postings sum to zero, balances are the fold, the chain holds. I2: each second that ran is billed
exactly once. I3: debit = vendor's credit + fee + rounding; no floor broken; holds = open contracts.

`Auditor` follows a journal as it grows; `check_i1` to `check_i3` check one as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from busbar.ledger import entries, fold
from busbar.ledger.entries import Entry, Kind, Sealed
from busbar.ledger.metering import Interval, Reserved, without
from busbar.ledger.settlement import Billed, billed_by, reference
from busbar.model.dtu import amount as price_of
from busbar.model.objects import namespace_of, spec_of, status_of, uid_of

Observed = Mapping[str, Iterable[Interval]]
"""Contract uid to when its workload ran, by a log of the workload's own."""


class Violation(NamedTuple):
    """A broken invariant: its number, what it was found on, one sentence."""

    invariant: str
    subject: str
    message: str


class ContractMoney(NamedTuple):
    """What a contract says about its own money."""

    uid: str
    namespace: str
    open: bool
    held: int
    billed: int
    vendor: int
    fee: int
    rounding: int
    started_ms: int | None
    finished_ms: int | None
    settled_until_ms: int | None
    draw_micro: int
    slots: tuple[Reserved, ...]
    outages: tuple[Interval, ...] = ()
    """When held capacity was not there."""

    def of_money(self) -> tuple[bool, int, int, int, int, int]:
        """Give what a closed contract never changes again."""
        return self.open, self.held, self.billed, self.vendor, self.fee, self.rounding

    @staticmethod
    def of(contract: Mapping[str, Any]) -> ContractMoney:
        """Read a Contract object."""
        spec, status = spec_of(contract), status_of(contract)
        slots = spec.get("slots") or ()
        return ContractMoney(
            uid=uid_of(contract),
            namespace=namespace_of(contract),
            open=status.get("phase", "Bound") != "Closed",
            held=status.get("heldNano", 0),
            billed=status.get("billedNano", 0),
            vendor=status.get("vendorNano", 0),
            fee=status.get("feeNano", 0),
            rounding=status.get("roundingNano", 0),
            started_ms=status.get("startedMs"),
            finished_ms=status.get("finishedMs"),
            settled_until_ms=status.get("settledUntilMs"),
            draw_micro=spec.get("drawMicro", 0),
            slots=tuple(
                Reserved(Interval(s["startMs"], s["endMs"]), s["priceNano"]) for s in slots
            ),
            outages=tuple(
                Interval(o["fromMs"], o.get("untilMs") or _NEVER)
                for o in status.get("outages") or ()
            ),
        )


_NEVER = 2**62
_BILLS = frozenset({Kind.SETTLE.value, Kind.TRANSFER.value, Kind.WITHDRAW.value})
_CONTRACTS = frozenset({Kind.HOLD.value, Kind.RELEASE.value}) | _BILLS
"""What a contract says of itself. Corrections refer to it and are not its own: they come later."""


class _Totals:
    """What the journal says about one contract."""

    def __init__(self) -> None:
        self.held = self.billed = self.vendor = self.fee = self.rounding = 0
        self.intervals: list[Billed] = []

    def add(self, entry: Entry) -> None:
        bills = entry.kind in _BILLS
        for account, amount in entry.postings:
            if account.startswith("ns/"):
                self.held += amount if account.endswith("/held") else 0
                self.billed -= amount if bills else 0
            elif account.startswith("vendor/"):
                self.vendor += amount
            elif account == entries.FEE:
                self.fee += amount
            elif account == entries.ROUNDING:
                self.rounding += amount
        billed = billed_by(entry) if bills else None
        if billed is not None and billed.until_ms > billed.from_ms:
            self.intervals.append(billed)


class Auditor:
    """Follows a journal and checks it against what balances and contracts say.

    Each entry is looked at once, so that a check after every step stays cheap. What it keeps of a
    contract is forgotten on request; `remembers_ids` as for `fold.Verifier`.
    """

    def __init__(self, *, remembers_ids: bool = True) -> None:
        self._verifier = fold.Verifier(remembers_ids=remembers_ids)
        self._totals: dict[str, _Totals] = defaultdict(_Totals)

    @property
    def seq(self) -> int:
        """Give the last entry taken."""
        return self._verifier.seq

    def feed(
        self, journal: Iterable[Sealed], concerns: Container[str] | None = None
    ) -> list[Violation]:
        """Take the next entries; give what is wrong with them (I1).

        `concerns` are the references of contracts to add up; None: of all.
        """
        findings: list[fold.Finding] = []
        for sealed in journal:
            findings += self._verifier.feed(sealed)
            about = sealed.entry.reference
            if sealed.entry.kind not in _CONTRACTS:
                continue
            if about.startswith("contract/") and (concerns is None or about in concerns):
                self._totals[about].add(sealed.entry)
        return _i1(findings)

    def forget(self, uid: str) -> None:
        """Forget what the journal says about a contract: it is over and was checked."""
        self._totals.pop(reference(uid), None)

    def check_balances(
        self, balances: Mapping[str, int], head: str | None = None
    ) -> list[Violation]:
        """Check that balances and head are those of the journal so far (I1)."""
        return _i1(self._verifier.finish(balances, head))

    def check_billing(
        self, contracts: Iterable[ContractMoney], observed: Observed | None = None
    ) -> list[Violation]:
        """Check that what ran within the slots is billed once, and nothing else is (I2).

        Without `observed`, what the contract says about start and finish is taken for what ran.
        Only what lies before settledUntilMs need be billed yet.
        """
        violations: list[Violation] = []
        for contract in contracts:
            billed = self._totals[reference(contract.uid)].intervals
            ran = _ran(contract) if observed is None else observed.get(contract.uid, ())
            violations += _check_intervals(contract, billed, list(ran))
        return violations

    def check_money(
        self, balances: Mapping[str, int], contracts: Iterable[ContractMoney]
    ) -> list[Violation]:
        """Check contracts against the journal, floors, and holds (I3); needs all open contracts."""
        contracts = list(contracts)
        return [
            *_check_floors(balances),
            *self.check_contracts(contracts),
            *_check_holds(balances, contracts),
        ]

    def check_contracts(self, contracts: Iterable[ContractMoney]) -> list[Violation]:
        """Check some contracts against the journal (I3)."""
        return [
            violation
            for contract in contracts
            for violation in _check_contract(contract, self._totals[reference(contract.uid)])
        ]


def check_i1(
    journal: Iterable[Sealed], balances: Mapping[str, int], head: str | None = None
) -> list[Violation]:
    """Check that the journal is sound and the balances are its fold."""
    auditor = Auditor()
    return auditor.feed(journal) + auditor.check_balances(balances, head)


def check_i2(
    journal: Iterable[Sealed],
    contracts: Iterable[ContractMoney],
    observed: Observed | None = None,
) -> list[Violation]:
    """Check the billed intervals; see `Auditor.check_billing`."""
    auditor = Auditor()
    auditor.feed(journal)
    return auditor.check_billing(contracts, observed)


def check_i3(
    journal: Iterable[Sealed],
    balances: Mapping[str, int],
    contracts: Iterable[ContractMoney],
) -> list[Violation]:
    """Check the contracts' money; see `Auditor.check_money`."""
    auditor = Auditor()
    auditor.feed(journal)
    return auditor.check_money(balances, contracts)


def _i1(findings: Iterable[fold.Finding]) -> list[Violation]:
    return [Violation("I1", f"journal/{found.seq}", found.message) for found in findings]


def _ran(contract: ContractMoney) -> list[Interval]:
    end = contract.finished_ms if contract.finished_ms is not None else contract.settled_until_ms
    if contract.started_ms is None or end is None:
        return []
    return without(Interval(contract.started_ms, end), contract.outages)


def _check_intervals(
    contract: ContractMoney, billed: list[Billed], ran: list[Interval]
) -> Iterator[Violation]:
    def broken(sentence: str) -> Violation:
        return Violation("I2", reference(contract.uid), sentence)

    intervals = sorted(Interval(b.from_ms, b.until_ms) for b in billed)
    for one, two in pairwise(intervals):
        if two.start < one.end:
            yield broken(f"[{two.start}, {min(one.end, two.end)}) is billed twice")
    for interval in intervals:
        shown = f"[{interval.start}, {interval.end})"
        if _covered(interval, (slot.interval for slot in contract.slots)) < interval.ms:
            yield broken(f"{shown} is billed and was not reserved")
        if _covered(interval, ran) < interval.ms:
            yield broken(f"{shown} is billed and did not run")
        if interval.end > (contract.settled_until_ms or 0):
            yield broken(f"{shown} is billed, but settled until {contract.settled_until_ms}")
    for part, price in _owed(contract, ran):
        for gap in without(part, intervals):
            # Less than a nano-euro's worth is never billed.
            if price_of(price, contract.draw_micro, gap.ms):
                yield broken(f"[{gap.start}, {gap.end}) ran and is not billed")
    yield from _check_terms(contract, billed)


def _check_terms(contract: ContractMoney, billed: Iterable[Billed]) -> Iterator[Violation]:
    """Check that the price snapshot is the price billed: history is never repriced."""
    for part in billed:
        slot = next(
            (s for s in contract.slots if s.interval.start <= part.from_ms < s.interval.end), None
        )
        if slot is None:
            continue
        if (part.price_nano, part.draw_micro) != (slot.price_nano, contract.draw_micro):
            said = (
                f"[{part.from_ms}, {part.until_ms}) is billed at {part.price_nano} nano-euro and"
                f" {part.draw_micro} micro-DTU/h, agreed are {slot.price_nano} and"
                f" {contract.draw_micro}"
            )
            yield Violation("I2", reference(contract.uid), said)


def _owed(contract: ContractMoney, ran: Iterable[Interval]) -> Iterator[Reserved]:
    """Give what must be billed by now: what ran, was reserved, and is said to be settled."""
    settled = Interval(0, contract.settled_until_ms or 0)
    for interval in ran:
        for slot in contract.slots:
            part = slot.interval.meet(interval).meet(settled)
            if part.ms:
                yield Reserved(part, slot.price_nano)


def _covered(interval: Interval, by: Iterable[Interval]) -> int:
    return sum(interval.meet(other).ms for other in by)


def _check_floors(balances: Mapping[str, int]) -> Iterator[Violation]:
    for account, balance in balances.items():
        if balance < 0 and entries.has_floor(account):
            yield Violation("I3", account, f"is {balance} nano-euro, below zero")


def _check_contract(contract: ContractMoney, totals: _Totals) -> Iterator[Violation]:
    def broken(sentence: str) -> Violation:
        return Violation("I3", reference(contract.uid), sentence)

    if contract.billed != contract.vendor + contract.fee + contract.rounding:
        yield broken("its debit is not vendor's credit + fee + rounding")
    for name in ("held", "billed", "vendor", "fee", "rounding"):
        said, right = getattr(contract, name), getattr(totals, name)
        if said != right:
            yield broken(f"says {name} {said}, the journal says {right} nano-euro")
    if not contract.open and totals.held:
        yield broken(f"is closed and still holds {totals.held} nano-euro")


def _check_holds(
    balances: Mapping[str, int], contracts: Iterable[ContractMoney]
) -> Iterator[Violation]:
    holds: dict[str, int] = defaultdict(int)
    for contract in contracts:
        holds[entries.held(contract.namespace)] += contract.held if contract.open else 0
    accounts = {a for a in balances if a.startswith("ns/") and a.endswith("/held")}
    for account in sorted(accounts | holds.keys()):
        if balances.get(account, 0) != holds[account]:
            said = f"holds {balances.get(account, 0)}, open contracts hold {holds[account]}"
            yield Violation("I3", account, said)
