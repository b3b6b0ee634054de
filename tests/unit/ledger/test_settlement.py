"""Which entries contracts, top-ups and payouts cause."""

from __future__ import annotations

import pytest

from busbar.ledger import settlement
from busbar.ledger.checks import check_entry
from busbar.ledger.entries import Entry, Posting
from busbar.model.time import HOUR

EURO = 10**9


def postings(entry: Entry | None) -> dict[str, int]:
    assert entry is not None
    assert check_entry(entry) is None
    return dict(entry.postings)


def test_a_hold_moves_money_from_available_to_held() -> None:
    entry = settlement.hold("u1", "xyz", 5, at=7, part="slot-3")
    assert postings(entry) == {"ns/xyz/available": -5, "ns/xyz/held": 5}
    assert (entry.id, entry.reference, entry.at) == ("hold/u1/slot-3", "contract/u1", 7)


def test_a_release_moves_it_back() -> None:
    entry = settlement.release("u1", "xyz", 5, at=7)
    assert postings(entry) == {"ns/xyz/held": -5, "ns/xyz/available": 5}


def test_an_hour_of_two_dtu_is_billed_out_of_the_hold() -> None:
    done = settlement.settle(
        "u1", "xyz", "elastx", 0, HOUR, EURO // 2, 2_000_000, release=EURO, at=HOUR
    )
    assert done[1:] == (EURO, 980_000_000, 20_000_000, 0)
    assert postings(done.entry) == {
        "ns/xyz/held": -2 * EURO,
        "ns/xyz/available": EURO,
        "vendor/elastx": 980_000_000,
        "exchange/fee": 20_000_000,
    }


def test_what_cannot_be_split_goes_to_the_rounding_account() -> None:
    done = settlement.settle("u1", "xyz", "elastx", 0, HOUR, 33, 1_000_000, 0, HOUR)
    assert done[1:] == (33, 32, 0, 1)
    assert postings(done.entry)["exchange/rounding"] == 1


def test_a_settlement_remembers_its_interval_and_terms() -> None:
    entry = settlement.settle("u1", "a", "v", 5, HOUR, 10**6, 2_000_000, 0, HOUR, 100).entry
    assert entry is not None
    assert entry.id == "settle/u1/5"
    assert settlement.billed_by(entry) == settlement.Billed(5, HOUR, 10**6, 2_000_000, 100)


def test_other_entries_billed_nothing() -> None:
    entry = settlement.top_up("a", 1, 1, "k")
    assert settlement.billed_by(entry) is None
    assert settlement.billed_by(entry._replace(kind="settle", memo="{")) is None


def test_nothing_delivered_and_nothing_released_needs_no_entry() -> None:
    assert settlement.settle("u", "a", "v", 5, 5, 10**9, 10**6, 0, 5).entry is None


def test_nothing_delivered_releases_the_hold() -> None:
    done = settlement.settle("u", "a", "v", 5, 5, 10**9, 10**6, 10, 5)
    assert postings(done.entry) == {"ns/a/held": -10, "ns/a/available": 10}


def test_a_fee_may_be_nothing_or_all() -> None:
    assert settlement.split(7, 0) == (7, 7, 0, 0)
    assert settlement.split(7, 1_000_000) == (7, 0, 7, 0)


@pytest.mark.parametrize(("debit", "fee"), [(-1, 0), (1, -1), (1, 1_000_001)])
def test_a_senseless_split_is_a_bug(debit: int, fee: int) -> None:
    with pytest.raises(ValueError):
        settlement.split(debit, fee)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_entry_moves_nothing_or_backwards(amount: int) -> None:
    with pytest.raises(ValueError):
        settlement.hold("u", "a", amount, 1)
    with pytest.raises(ValueError):
        settlement.top_up("a", amount, 1, "k")


def test_top_ups_and_payouts_mirror_money_outside() -> None:
    assert postings(settlement.top_up("a", 5, 1, "k")) == {
        "external/topup": -5,
        "ns/a/available": 5,
    }
    assert postings(settlement.payout("v", 5, 1, "k")) == {"vendor/v": -5, "external/payout": 5}


def test_the_same_try_at_another_time_has_the_same_effect() -> None:
    entry = settlement.top_up("a", 5, 1, "k")
    assert entry.same_effect(settlement.top_up("a", 5, 2, "k"))
    assert not entry.same_effect(settlement.top_up("a", 6, 1, "k"))
    assert not entry.same_effect(entry._replace(postings=(Posting("x", 1), Posting("y", -1))))
