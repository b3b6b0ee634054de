"""Credits, corrections, payouts, bonds and closings: once per key, bounded, refused in a word."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from busbar.ledger import settlement
from busbar.ledger.corrections import Direction
from busbar.model.objects import Key
from busbar.model.time import DAY, HOUR, parse_instant
from busbar.server.bookings import Bond, Bookings, Closing, Correction, Credit, Payout, Request
from busbar.server.money import MoneyRefused, TopUp
from busbar.store.contract import ANY, Committed, Put, Transaction
from busbar.store.memory import MemoryStore

DECEMBER = parse_instant("2026-12-01T00:00:00Z", "")
EURO = 10**9


class House:
    def __init__(self) -> None:
        self.now = DECEMBER + DAY
        self.store = MemoryStore()
        for group, resource, name in (
            ("", "namespaces", "xyz"),
            ("busbar.dev", "vendors", "elastx"),
        ):
            obj = {"metadata": {"name": name}}
            self.book(ops=(Put(Key(group, resource, "", name), obj, ANY),))
        settled = settlement.settle("u", "xyz", "elastx", 0, HOUR, EURO, 10**6, 0, DECEMBER).entry
        assert settled is not None
        at = DECEMBER - DAY
        self.book(settlement.top_up("xyz", 5 * EURO, at, "k"))
        self.book(settlement.hold("u", "xyz", EURO, at), settled)
        self.bookings = Bookings(self.store, lambda: self.now)

    def book(self, *entries: Any, ops: Any = ()) -> None:
        assert isinstance(self.store.commit_now(Transaction(ops, entries)), Committed)

    def enter(self, request: Request) -> dict[str, Any]:
        return asyncio.run(self.bookings.enter(request))

    def why(self, request: Request) -> tuple[int, str]:
        with pytest.raises(MoneyRefused) as refused:
            self.enter(request)
        return refused.value.status, refused.value.message

    def balance(self, account: str) -> int:
        return self.store.snapshot_now().balance(account)


@pytest.fixture
def house() -> House:
    return House()


def test_a_credit_is_entered_once(house: House) -> None:
    first = house.enter(Credit("xyz", "2", "late start", "k"))
    again = house.enter(Credit("xyz", "2", "late start", "k"))
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert again["seq"] == first["seq"] == 4
    assert house.balance("ns/xyz/available") == 6 * EURO
    assert house.why(Credit("xyz", "3", "late start", "k"))[0] == 409
    assert house.why(Credit("nobody", "3", "late start", "k"))[0] == 404


def test_a_refund_of_all_that_is_left_repeated_is_still_that_refund(house: House) -> None:
    part = Correction(3, "measured wrongly", "part", euro="0.25")
    rest = Correction(3, "measured wrongly", "rest")
    assert [house.enter(r)["euro"] for r in (part, rest, rest, part)] == [
        "0.25",
        "0.75",
        "0.75",
        "0.25",
    ]
    assert len(house.store.journal_now()) == 5
    assert house.balance("vendor/elastx") == house.balance("exchange/fee") == 0
    assert "0 € left" in house.why(Correction(3, "again", "third"))[1]


def test_a_correction_charges_more_where_it_says_so(house: House) -> None:
    house.enter(Correction(3, "too little", "k", Direction.CHARGE, "1"))
    assert house.balance("vendor/elastx") == 1_960_000_000
    assert house.why(Correction(3, "too little", "j", Direction.CHARGE, "100"))[0] == 422


def test_what_cannot_be_corrected_is_refused(house: House) -> None:
    assert house.why(Correction(99, "no such", "k"))[0] == 404
    status, said = house.why(Correction(2, "a hold", "k"))
    assert (status, said.split(";")[0]) == (422, "entry 2 is a hold")


def test_a_refund_that_the_vendor_was_paid_out_for_is_refused_not_owed(house: House) -> None:
    house.enter(Payout("elastx", "k"))
    status, said = house.why(Correction(3, "measured wrongly", "k"))
    assert status == 422
    assert said.startswith("vendor/elastx has 0 €")


def test_a_payout_of_everything_repeated_pays_once(house: House) -> None:
    assert [house.enter(Payout("elastx", "nov"))["euro"] for _ in range(2)] == ["0.98", "0.98"]
    assert house.balance("external/payout") == 980_000_000
    assert house.why(Payout("elastx", "more"))[0] == 422
    assert house.why(Payout("nobody", "k", "1"))[0] == 404


def test_a_bond_is_put_down_and_given_back(house: House) -> None:
    house.enter(Bond("elastx", "0.5", "a"))
    house.enter(Bond("elastx", "3", "b", "deposit-from-outside"))
    assert house.balance("bond/elastx") == 3_500_000_000
    house.enter(Bond("elastx", "0.5", "c", "return"))
    assert house.balance("vendor/elastx") == 980_000_000
    assert house.why(Bond("elastx", "4", "d", "return"))[0] == 422


def test_a_month_is_closed_after_it_has_settled_and_stays_so(house: House) -> None:
    assert house.enter(Closing("2026-11"))["repeated"] is False
    assert house.enter(Closing("2026-11"))["repeated"] is True
    assert asyncio.run(house.bookings.closed()) == ["2026-11"]
    assert house.why(Closing("2026-12"))[0] == 422
    assert house.why(Closing("November"))[0] == 422
    house.now = DECEMBER - 1
    status, said = house.why(Credit("xyz", "1", "backdated", "k"))
    assert status == 422
    assert "2026-11, which is closed" in said


@pytest.mark.parametrize("euro", ["0", "-1", "1e3", "NaN"])
def test_what_is_no_amount_is_refused_by_its_field(house: House, euro: str) -> None:
    for request in (Credit("xyz", euro, "because", "k"), Payout("elastx", "k", euro)):
        status, said = house.why(request)
        assert (status, said.split(":")[0]) == (422, "euro")


def test_every_call_that_moves_money_takes_an_idempotency_key():
    named = {kind.__name__: kind for kind in (*Request.__subclasses__(), TopUp)}
    without = [
        name
        for name, kind in named.items()
        if "idempotency_key" not in {field.name for field in msgspec.structs.fields(kind)}
    ]
    assert without == ["Closing"]  # Its key is the month.
