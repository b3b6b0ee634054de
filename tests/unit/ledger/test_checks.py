"""The ladder of checks on an entry: one test per rung."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.ledger.checks import MAX_INSTANT, MAX_MEMO, MAX_POSTINGS, MAX_TEXT, Fault, check_entry
from busbar.ledger.entries import Entry, Posting
from busbar.model.money import MAX_NANO_EURO

GOOD = Entry("id", "topup", 1, (Posting("a", -1), Posting("b", 1)), "ref", "memo")


def two(one: Any, other: Any) -> tuple[Posting, ...]:
    return (Posting("a", one), Posting("b", other))


BAD: dict[Fault, Entry] = {
    Fault.ID_MISSING: GOOD._replace(id=""),
    Fault.KIND_MISSING: GOOD._replace(kind=""),
    Fault.TEXT_TOO_LONG: GOOD._replace(reference="x" * (MAX_TEXT + 1)),
    Fault.TEXT_NOT_UNICODE: GOOD._replace(reference="\udc80"),
    Fault.TIME_OUT_OF_RANGE: GOOD._replace(at=MAX_INSTANT + 1),
    Fault.TOO_FEW_POSTINGS: GOOD._replace(postings=(Posting("a", 0),)),
    Fault.TOO_MANY_POSTINGS: GOOD._replace(
        postings=tuple(Posting(str(n), 1) for n in range(MAX_POSTINGS + 1))
    ),
    Fault.ACCOUNT_MISSING: GOOD._replace(postings=(Posting("", 1), Posting("b", -1))),
    Fault.ACCOUNT_TWICE: GOOD._replace(postings=(Posting("a", 1), Posting("a", -1))),
    Fault.AMOUNT_NOT_INTEGER: GOOD._replace(postings=two(1.0, -1.0)),
    Fault.AMOUNT_ZERO: GOOD._replace(postings=two(0, 0)),
    Fault.AMOUNT_OUT_OF_RANGE: GOOD._replace(postings=two(MAX_NANO_EURO + 1, -MAX_NANO_EURO - 1)),
    Fault.SUM_NOT_ZERO: GOOD._replace(postings=two(1, 1)),
}


def test_a_sound_entry_passes() -> None:
    assert check_entry(GOOD) is None
    assert check_entry(GOOD._replace(postings=two(MAX_NANO_EURO, -MAX_NANO_EURO))) is None


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_is_found_and_told_in_a_sentence(fault: Fault) -> None:
    finding = check_entry(BAD[fault])
    assert finding is not None
    assert finding.fault is fault
    assert finding.message
    assert "\n" not in finding.message


@pytest.mark.parametrize("amount", [True, float("nan"), "1", None])
def test_an_amount_is_an_integer_and_nothing_that_looks_like_one(amount: Any) -> None:
    finding = check_entry(GOOD._replace(postings=two(amount, -1)))
    assert finding is not None
    assert finding.fault is Fault.AMOUNT_NOT_INTEGER


def test_a_long_id_is_shortened_and_escaped_in_the_sentence() -> None:
    finding = check_entry(GOOD._replace(id="\x1b[2J" + "x" * 500, kind=""))
    assert finding is not None
    assert "\x1b" not in finding.message
    assert len(finding.message) < 150


def test_a_memo_may_be_longer_than_other_texts() -> None:
    assert check_entry(GOOD._replace(memo="x" * MAX_MEMO)) is None
    found = check_entry(GOOD._replace(memo="x" * (MAX_MEMO + 1)))
    assert found is not None
    assert found.fault is Fault.TEXT_TOO_LONG
