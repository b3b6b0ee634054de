"""Credits and corrections: entries of their own, bounded by what they correct."""

from __future__ import annotations

import pytest

from busbar.ledger import corrections, settlement
from busbar.ledger.chain import seal
from busbar.ledger.checks import check_entry
from busbar.ledger.corrections import Direction, Refusal, Uncorrectable
from busbar.ledger.entries import Entry, Sealed
from busbar.ledger.fold import fold
from busbar.ledger.invariants import Auditor, ContractMoney
from busbar.ledger.metering import Interval, Reserved
from busbar.model.time import HOUR

EURO = 10**9


def settled(price: int = EURO, release: int = 7) -> Sealed:
    entry = settlement.settle("u", "xyz", "elastx", 0, HOUR, price, 10**6, release, HOUR).entry
    assert entry is not None
    return Sealed(5, entry, "")


def correct(
    original: Sealed,
    *earlier: Entry,
    direction: Direction = Direction.REFUND,
    amount: int | None = None,
    key: str = "k",
) -> Entry:
    done = corrections.correct(original, earlier, direction, amount, 2 * HOUR, "was wrong", key)
    assert isinstance(done, Entry)
    assert check_entry(done) is None
    return done


def why(original: Sealed, *earlier: Entry, **more: object) -> Uncorrectable:
    told = {"direction": Direction.REFUND, "amount": None, **more}
    done = corrections.correct(
        original,
        earlier,
        told["direction"],  # type: ignore[arg-type]
        told["amount"],  # type: ignore[arg-type]
        2 * HOUR,
        "was wrong",
        "k",
    )
    assert isinstance(done, Refusal)
    return done.why


def test_a_credit_is_paid_by_the_exchange() -> None:
    entry = corrections.credit("xyz", EURO, 3, "late start", "k")
    assert dict(entry.postings) == {"exchange/credits": -EURO, "ns/xyz/available": EURO}
    assert (entry.id, entry.memo) == ("credit/xyz/k", '{"reason":"late start"}')


def test_a_whole_refund_takes_back_what_everybody_got_and_not_what_was_released() -> None:
    original = settled(price=EURO + 1)
    entry = correct(original)
    assert (entry.id, entry.reference) == ("correct/5/k", "contract/u")
    after = fold([original.entry, entry])
    assert {account: amount for account, amount in after.items() if amount} == {
        "ns/xyz/held": -(EURO + 8),
        "ns/xyz/available": EURO + 8,
    }


def test_parts_are_split_as_settlements_are_and_never_exceed_the_whole() -> None:
    original, done = settled(), []
    for n in range(3):
        done.append(correct(original, *done, amount=333_333_333, key=str(n)))
    assert dict(done[0].postings) == {
        "ns/xyz/available": 333_333_333,
        "vendor/elastx": -326_666_666,
        "exchange/fee": -6_666_666,
        "exchange/rounding": -1,
    }
    assert why(original, *done, amount=2) is Uncorrectable.NOTHING_LEFT
    done.append(correct(original, *done, key="rest"))
    after = fold([original.entry, *done])
    assert after["vendor/elastx"] == after["exchange/fee"] == after["exchange/rounding"] == 0
    assert why(original, *done) is Uncorrectable.NOTHING_LEFT


def test_more_may_be_charged_and_given_back_again() -> None:
    original = settled()
    charged = correct(original, direction=Direction.CHARGE, amount=50)
    assert dict(charged.postings) == {
        "ns/xyz/available": -50,
        "vendor/elastx": 49,
        "exchange/fee": 1,
    }
    back = correct(original, charged, key="back")
    assert dict(back.postings)["ns/xyz/available"] == EURO + 50


def test_a_charge_says_how_much() -> None:
    assert why(settled(), direction=Direction.CHARGE) is Uncorrectable.AMOUNT_MISSING


@pytest.mark.parametrize(
    "entry",
    [
        settlement.top_up("xyz", 10, 1, "k"),
        settlement.payout("elastx", 10, 1, "k"),
        corrections.credit("xyz", 10, 1, "because", "k"),
    ],
)
def test_payments_are_moved_back(entry: Entry) -> None:
    part = correct(Sealed(1, entry, ""), amount=4)
    assert sum(abs(amount) for _, amount in part.postings) == 8
    rest = correct(Sealed(1, entry, ""), part, key="rest")
    assert set(fold([entry, part, rest]).values()) == {0}


def test_holds_and_corrections_are_not_corrected() -> None:
    hold = settlement.hold("u", "xyz", 5, 1)
    assert why(Sealed(1, hold, "")) is Uncorrectable.NOT_CORRECTABLE
    assert why(Sealed(6, correct(settled()), "")) is Uncorrectable.NOT_CORRECTABLE


def test_a_correction_carries_what_a_bill_shows() -> None:
    sold = settlement.Sold(contract="c", vendor="elastx", zone="Sweden")
    entry = settlement.settle("u", "xyz", "elastx", 0, HOUR, EURO, 10**6, 0, HOUR, sold=sold).entry
    assert entry is not None
    note = corrections.note_of(correct(Sealed(5, entry, "")))
    assert note is not None
    assert (note.seq, note.id, note.at, note.sold) == (5, "settle/u/0", HOUR, sold)
    assert (note.from_ms, note.until_ms) == (0, HOUR)


def test_the_longest_names_fit_into_a_memo() -> None:
    longest = "n" * 253
    sold = settlement.Sold(*[longest] * 5, 1, longest, "z" * 63)
    entry = settlement.settle("u", "xyz", longest, 0, HOUR, 1, 10**6, 0, 1, sold=sold).entry
    assert entry is not None
    assert check_entry(entry) is None
    note = corrections.correct(
        Sealed(1, entry, ""), (), Direction.REFUND, None, 1, "ö" * corrections.REASON_MAX, "k"
    )
    assert isinstance(note, Entry)
    assert check_entry(note) is None


def test_an_audit_does_not_take_a_correction_for_a_contract_that_lies() -> None:
    done = settlement.settle("u", "xyz", "elastx", 0, HOUR, EURO, 10**6, 0, HOUR)
    assert done.entry is not None
    journal = seal(
        [
            settlement.top_up("xyz", EURO, 0, "k"),
            settlement.hold("u", "xyz", EURO, 0),
            done.entry,
        ]
    )
    refund = correct(journal[-1], amount=5)
    contract = ContractMoney(
        uid="u",
        namespace="xyz",
        open=False,
        held=0,
        billed=done.debit,
        vendor=done.vendor_credit,
        fee=done.fee,
        rounding=done.rounding,
        started_ms=0,
        finished_ms=HOUR,
        settled_until_ms=HOUR,
        draw_micro=10**6,
        slots=(Reserved(Interval(0, HOUR), EURO),),
    )
    auditor = Auditor()
    sealed = seal([entry for _, entry, _ in journal] + [refund])
    assert auditor.feed(sealed) == []
    assert auditor.check_contracts([contract]) == []
    assert auditor.check_billing([contract]) == []
