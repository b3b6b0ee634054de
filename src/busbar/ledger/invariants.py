"""Checkers of the money's invariants, over balances, journal and contracts.

Run after every step by the simulator and continuously by the server. An empty result is good.
I1: postings sum to zero, balances are the fold, the chain holds. I2: each second that ran is billed
exactly once. I3: debit = vendor's credit + fee + rounding; no floor broken; holds = open contracts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from busbar.ledger import entries, fold
from busbar.ledger.entries import Entry, Kind, Sealed
from busbar.ledger.metering import Interval
from busbar.ledger.settlement import billed_by, reference
from busbar.model.dtu import amount as price_of
from busbar.model.objects import namespace_of, spec_of, status_of, uid_of


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
    settled_until_ms: int | None
    draw_micro: int
    slots: tuple[Interval, ...]

    @staticmethod
    def of(contract: Mapping[str, Any]) -> ContractMoney:
        """Read a Contract object."""
        spec, status = spec_of(contract), status_of(contract)
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
            settled_until_ms=status.get("settledUntilMs"),
            draw_micro=spec.get("drawMicro", 0),
            slots=tuple(Interval(s["startMs"], s["endMs"]) for s in spec.get("slots") or ()),
        )


def check_i1(
    journal: Iterable[Sealed], balances: Mapping[str, int], head: str | None = None
) -> list[Violation]:
    """Check that the journal is sound and the balances are its fold."""
    return [
        Violation("I1", f"journal/{finding.seq}", finding.message)
        for finding in fold.verify(journal, balances, head)
    ]


def check_i2(
    journal: Iterable[Sealed],
    contracts: Iterable[ContractMoney],
    observed: Mapping[str, Iterable[Interval]] | None = None,
) -> list[Violation]:
    """Check that the billed intervals neither overlap nor leave gaps, nor leave what was sold.

    `observed` maps contract uids to when the workload itself says it ran: with it, nothing outside
    is billed, and nothing inside slots and before settledUntilMs is left out.
    """
    intervals = _billed_intervals(journal)
    violations: list[Violation] = []
    for contract in contracts:
        billed = sorted(intervals.get(reference(contract.uid), ()))
        ran = None if observed is None else sorted(observed.get(contract.uid, ()))
        violations += _check_intervals(contract, billed, ran)
    return violations


def _billed_intervals(journal: Iterable[Sealed]) -> dict[str, list[tuple[Interval, int]]]:
    found: dict[str, list[tuple[Interval, int]]] = defaultdict(list)
    for sealed in journal:
        billed = billed_by(sealed.entry)
        if billed is not None and billed.until_ms > billed.from_ms:
            interval = Interval(billed.from_ms, billed.until_ms)
            found[sealed.entry.reference].append((interval, billed.price_nano))
    return found


def _check_intervals(
    contract: ContractMoney,
    billed: list[tuple[Interval, int]],
    ran: list[Interval] | None,
) -> Iterator[Violation]:
    def broken(sentence: str) -> Violation:
        return Violation("I2", reference(contract.uid), sentence)

    for (one, _), (two, price) in pairwise(billed):
        if two.start < one.end:
            yield broken(f"[{two.start}, {one.end}) is billed twice")
        gap = Interval(one.end, two.start)
        if _worth(contract, gap, price) and (ran is None or _covered(gap, ran)):
            yield broken(f"[{gap.start}, {gap.end}) ran and is not billed")
    for interval, price in billed:
        if contract.slots and _covered(interval, contract.slots) < interval.ms:
            yield broken(f"[{interval.start}, {interval.end}) is billed outside the slots")
        if ran is not None and _covered(interval, ran) < interval.ms:
            yield broken(f"[{interval.start}, {interval.end}) is billed and did not all run")
        if contract.settled_until_ms is not None and interval.end > contract.settled_until_ms:
            yield broken(f"billed until {interval.end}, settled until {contract.settled_until_ms}")
        del price
    if billed and contract.started_ms is not None:
        first, price = billed[0]
        before = Interval(contract.started_ms, first.start)
        if _worth(contract, before, price) and _covered(before, contract.slots):
            yield broken(f"[{before.start}, {before.end}) ran and is not billed")


def _worth(contract: ContractMoney, gap: Interval, price: int) -> bool:
    """Say whether leaving out a gap shows in the money; below a nano-euro nothing is billed."""
    return price_of(price, contract.draw_micro, gap.ms) > 0


def _covered(interval: Interval, by: Iterable[Interval]) -> int:
    return sum(interval.meet(other).ms for other in by)


def check_i3(
    journal: Iterable[Sealed],
    balances: Mapping[str, int],
    contracts: Iterable[ContractMoney],
) -> list[Violation]:
    """Check contracts against the journal, floors, and that holds are those of open contracts."""
    contracts = list(contracts)
    totals = _totals_by_contract(journal)
    violations = list(_check_floors(balances))
    for contract in contracts:
        violations += _check_contract(contract, totals.get(reference(contract.uid), _Totals()))
    violations += _check_holds(balances, contracts)
    return violations


class _Totals:
    """What the journal says about one contract."""

    def __init__(self) -> None:
        self.held = self.billed = self.vendor = self.fee = self.rounding = 0

    def add(self, entry: Entry) -> None:
        settles = entry.kind == Kind.SETTLE.value
        for account, amount in entry.postings:
            if account.startswith("ns/"):
                self.held += amount if account.endswith("/held") else 0
                self.billed -= amount if settles else 0
            elif account.startswith("vendor/"):
                self.vendor += amount
            elif account == entries.FEE:
                self.fee += amount
            elif account == entries.ROUNDING:
                self.rounding += amount


def _totals_by_contract(journal: Iterable[Sealed]) -> dict[str, _Totals]:
    totals: dict[str, _Totals] = defaultdict(_Totals)
    for sealed in journal:
        if sealed.entry.reference.startswith("contract/"):
            totals[sealed.entry.reference].add(sealed.entry)
    return totals


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
