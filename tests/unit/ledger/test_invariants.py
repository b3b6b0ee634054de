"""The checkers of I1, I2 and I3: silent on a sound ledger, and each planted bug is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from busbar.ledger import chain, fold, settlement
from busbar.ledger.entries import Entry, Posting, Sealed
from busbar.ledger.invariants import (
    Auditor,
    ContractMoney,
    Violation,
    check_i1,
    check_i2,
    check_i3,
)
from busbar.ledger.metering import Interval, Reserved
from busbar.model.time import HOUR

PRICE, DRAW = 10**7 + 33, 1_000_001
SLOTS = (Reserved(Interval(0, HOUR), PRICE), Reserved(Interval(HOUR, 2 * HOUR), PRICE + 7))
HOLD = 3 * 10**7
START, STOP = 600_000, HOUR + 600_000


class World(NamedTuple):
    """A contract that ran from START to STOP over two slots, and its journal."""

    entries: tuple[Entry, ...]
    contract: ContractMoney
    observed: Interval = Interval(START, STOP)

    @property
    def journal(self) -> tuple[Sealed, ...]:
        return chain.seal(self.entries)

    @property
    def balances(self) -> dict[str, int]:
        return fold.fold(self.entries)

    def check(self) -> list[Violation]:
        journal, balances = self.journal, self.balances
        return [
            *check_i1(journal, balances, journal[-1].hash),
            *check_i2(journal, [self.contract], {"u": [self.observed]}),
            *check_i2(journal, [self.contract]),
            *check_i3(journal, balances, [self.contract]),
        ]


def settle(start: int, end: int, release: int = 0, price: int = PRICE) -> settlement.Settlement:
    return settlement.settle("u", "a", "v", start, end, price, DRAW, release, end)


def world() -> World:
    opening = (settlement.top_up("a", 10**9, 0, "k"), settlement.hold("u", "a", HOLD, 0))
    first, second = settle(START, HOUR), settle(HOUR, STOP, price=PRICE + 7)
    assert first.entry is not None
    assert second.entry is not None
    left = HOLD - first.debit - second.debit
    entries = (*opening, first.entry, second.entry, settlement.release("u", "a", left, STOP))
    contract = ContractMoney(
        uid="u",
        namespace="a",
        open=False,
        held=0,
        billed=first.debit + second.debit,
        vendor=first.vendor_credit + second.vendor_credit,
        fee=first.fee + second.fee,
        rounding=first.rounding + second.rounding,
        started_ms=START,
        finished_ms=STOP,
        settled_until_ms=STOP,
        draw_micro=DRAW,
        slots=SLOTS,
    )
    return World(entries, contract)


def replace(good: World, number: int, entry: Entry | None) -> World:
    entries = list(good.entries)
    entries[number : number + 1] = [entry] if entry is not None else []
    return good._replace(entries=tuple(entries))


def _and(good: World, more: settlement.Settlement) -> World:
    assert more.entry is not None
    return good._replace(entries=(*good.entries[:4], more.entry, *good.entries[4:]))


def _unpaid_vendor(good: World) -> World:
    entry = good.entries[2]
    postings = [p for p in entry.postings if not p.account.startswith("vendor/")]
    missing = -sum(amount for _, amount in postings)
    kept = (*postings, Posting("exchange/other", missing))
    return replace(good, 2, entry._replace(postings=kept))


PLANTED: dict[str, tuple[str, str, Callable[[World], World]]] = {
    "money from nowhere": (
        "I1",
        "all postings sum to",
        lambda w: replace(
            w, 0, w.entries[0]._replace(postings=(Posting("ns/a/available", 10**9),))
        ),
    ),
    "an entry twice": (
        "I1",
        "reuses the id",
        lambda w: w._replace(entries=(*w.entries, w.entries[0])),
    ),
    "a second billed twice": (
        "I2",
        "is billed twice",
        lambda w: _and(w, settle(HOUR - 1000, HOUR)),
    ),
    "a second too early": (
        "I2",
        "is billed and did not run",
        lambda w: replace(w, 2, settle(START - 1, HOUR).entry),
    ),
    "a second left out": (
        "I2",
        "ran and is not billed",
        lambda w: replace(w, 2, settle(START, HOUR - 1000).entry),
    ),
    "the end left out": (
        "I2",
        "ran and is not billed",
        lambda w: replace(w, 3, settle(HOUR, STOP - 1000, price=PRICE + 7).entry),
    ),
    "a whole slot left out": ("I2", "ran and is not billed", lambda w: replace(w, 2, None)),
    "time that did not run": (
        "I2",
        "is billed and did not run",
        lambda w: w._replace(observed=Interval(START, STOP - 1)),
    ),
    "time that was not reserved": (
        "I2",
        "was not reserved",
        lambda w: w._replace(contract=w.contract._replace(slots=SLOTS[:1])),
    ),
    "a price changed afterwards": (
        "I2",
        "agreed are",
        lambda w: replace(w, 3, settle(HOUR, STOP).entry),
    ),
    "billed beyond what is settled": (
        "I2",
        "settled until",
        lambda w: w._replace(contract=w.contract._replace(settled_until_ms=HOUR)),
    ),
    "a vendor not paid": ("I3", "says vendor", _unpaid_vendor),
    "a fee forgotten in the contract": (
        "I3",
        "says fee 0",
        lambda w: w._replace(contract=w.contract._replace(fee=0)),
    ),
    "a debit that is not its shares": (
        "I3",
        "is not vendor's credit + fee + rounding",
        lambda w: w._replace(contract=w.contract._replace(billed=w.contract.billed + 1)),
    ),
    "a hold left behind": ("I3", "is closed and still holds", lambda w: replace(w, 4, None)),
    "a hold without a contract": (
        "I3",
        "open contracts hold",
        lambda w: w._replace(entries=(*w.entries, settlement.hold("x", "a", 5, STOP))),
    ),
    "an account overdrawn": (
        "I3",
        "below zero",
        lambda w: w._replace(entries=(*w.entries, settlement.hold("x", "b", 5, STOP))),
    ),
}


def test_a_sound_ledger_breaks_nothing() -> None:
    assert world().check() == []


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_caught(bug: str) -> None:
    invariant, sentence, plant = PLANTED[bug]
    found = plant(world()).check()
    assert any(v.invariant == invariant and sentence in v.message for v in found), found
    assert all("\n" not in violation.message for violation in found)


def test_a_balance_that_is_not_the_fold_is_caught() -> None:
    good = world()
    wrong = {**good.balances, "vendor/v": good.balances["vendor/v"] + 1}
    assert {v.invariant for v in check_i1(good.journal, wrong)} == {"I1"}


def test_an_edited_entry_is_caught() -> None:
    good = world()
    journal = list(good.journal)
    journal[1] = journal[1]._replace(entry=journal[1].entry._replace(at=99))
    assert [v.subject for v in check_i1(journal, good.balances)] == ["journal/2"]


def test_an_open_contract_owes_only_what_is_settled() -> None:
    good = world()
    running = good.contract._replace(
        open=True, finished_ms=None, settled_until_ms=HOUR, billed=0, held=0
    )
    first_slot_only = good.journal[:3]
    assert check_i2(first_slot_only, [running]) == []
    assert check_i2(first_slot_only, [running], {"u": [Interval(START, STOP)]}) == []


def test_an_auditor_that_follows_finds_the_same_as_one_that_comes_late() -> None:
    good = world()
    following = Auditor()
    for sealed in good.journal:
        assert following.feed([sealed]) == []
    assert following.seq == len(good.journal)
    assert following.check_balances(good.balances) == []
    assert following.check_billing([good.contract]) == []
    assert following.check_money(good.balances, [good.contract]) == []


def test_a_contract_object_is_read() -> None:
    obj = {
        "metadata": {"uid": "u", "namespace": "a"},
        "spec": {"drawMicro": 5, "slots": [{"startMs": 1, "endMs": 2, "priceNano": 3}]},
        "status": {"phase": "Running", "heldNano": 7, "startedMs": 1},
    }
    money = ContractMoney.of(obj)
    assert (money.uid, money.namespace, money.open, money.held) == ("u", "a", True, 7)
    assert money.slots == (Reserved(Interval(1, 2), 3),)
    assert money.settled_until_ms is None
