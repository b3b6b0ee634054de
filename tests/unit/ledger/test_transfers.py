"""Data moved is billed by counts: each byte once, and all parts together what the whole costs."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger import corrections, settlement, transfers
from busbar.ledger.accounts import debit_of
from busbar.ledger.chain import seal
from busbar.ledger.checks import check_entry
from busbar.ledger.corrections import Direction
from busbar.ledger.entries import Entry
from busbar.ledger.invariants import Auditor
from busbar.ledger.periods import Period
from busbar.ledger.statements import of_namespace, statement
from busbar.ledger.transfers import GIB, Moved, Part, Way, moved_by, transfer, worth
from busbar.ledger.usage import usage_of

SOLD = settlement.Sold(order="pi", owner="Job/pi", vendor="elastx", offer="day", zone="Sweden")
READ = Part(Way.READ, GIB, 3 * GIB, 50)


def billed(part: Part = READ) -> Entry:
    done = transfer("u1", "a", "elastx", part, (5, 9), 10, region="Sweden", sold=SOLD)
    assert done.entry is not None
    assert check_entry(done.entry) is None
    return done.entry


def test_what_was_read_leaves_the_hold_for_the_vendor_and_the_fee():
    entry = billed()
    assert dict(entry.postings) == {
        "ns/a/held": -100,
        "vendor/elastx": 98,
        "exchange/fee": 2,
    }
    assert (entry.id, entry.kind) == (f"transfer/u1/read/{GIB}", "transfer")
    assert moved_by(entry) == Moved("read", GIB, 3 * GIB, 50, 20_000, 5, 9, "Sweden", SOLD)


def test_what_costs_less_than_a_nano_euro_moves_no_money():
    assert transfer("u", "a", "v", Part(Way.WRITE, 0, 5, 50), (0, 1), 1).entry is None


def test_other_entries_moved_no_data():
    assert moved_by(settlement.top_up("a", 1, 1, "k")) is None
    assert moved_by(billed()._replace(memo="?")) is None


counts = st.integers(0, 2**50)


@given(st.lists(counts, min_size=1, max_size=6).map(sorted), st.integers(0, 10**10))
def test_parts_cost_together_what_the_whole_costs(stops, price):
    edges = [0, *stops]
    parts = [Part(Way.READ, a, b, price).cost for a, b in pairwise(edges)]
    assert sum(parts) == worth(price, stops[-1])


@given(counts, counts, st.integers(1, 10**10), st.integers(0, 10**12))
def test_what_a_hold_pays_for_is_the_most_that_it_pays_for(start, more, price, most):
    part = Part(Way.READ, start, start + more, price)
    within = part.within(most)
    assert start <= within.until <= part.until
    assert within.cost <= most or within == part
    if within != part:
        assert within._replace(until=within.until + 1).cost > most


def test_usage_counts_it_as_a_charge_of_its_own():
    row = usage_of(7, billed())
    assert row is not None
    assert (row.debit, row.vendor, row.vendor_credit, row.fee) == (100, "elastx", 98, 2)
    assert row.is_transfer
    assert (row.sold, tuple(row.ran)) == (SOLD, (5, 9))


def test_a_budget_counts_it():
    assert debit_of(billed(), "a") == 100


def test_a_statement_says_what_it_was_for():
    journal = seal([settlement.top_up("a", 10**9, 1, "k"), billed()])
    lines = statement(journal, of_namespace("a"), Period(0, 100)).lines
    assert [(line.kind, line.about, line.amount) for line in lines[1:]] == [
        ("transfer", "Job/pi", -100)
    ]


def test_it_is_refunded_as_it_was_split():
    (sealed,) = seal([billed()])
    found = corrections.correct(sealed, [], Direction.REFUND, None, 20, "wrong", "k")
    assert isinstance(found, Entry)
    moves = dict(found.postings)
    assert moves == {"ns/a/available": 100, "vendor/elastx": -98, "exchange/fee": -2}
    row = usage_of(8, found)
    assert row is not None
    assert row.is_transfer
    assert row.sold == SOLD


def test_the_audit_adds_it_to_what_a_contract_was_billed():
    journal = seal([settlement.hold("u1", "a", 150, 1), billed()])
    auditor = Auditor()
    auditor.feed(journal)
    totals = auditor._totals["contract/u1"]
    assert (totals.held, totals.billed, totals.vendor, totals.fee) == (50, 100, 98, 2)
    assert totals.intervals == []


def test_a_memo_of_later_times_is_read_all_the_same():
    entry = billed()
    memo = {**msgspec.json.decode(entry.memo), "comesLater": 1}
    found = moved_by(entry._replace(memo=msgspec.json.encode(memo).decode()))
    assert found == moved_by(entry)
    assert transfers.worth(found.price_nano, found.until_bytes) == 150
