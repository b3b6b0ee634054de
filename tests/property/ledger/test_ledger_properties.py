"""What holds for every settlement and every journal."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger import chain, fold, settlement
from busbar.ledger.checks import check_entry
from busbar.ledger.entries import Entry, Posting, Sealed
from busbar.ledger.metering import Interval, Reserved, billable, delivered
from busbar.model.dtu import MICRO, amount
from busbar.model.time import HOUR

debits = st.integers(0, 10**18)
ppm = st.integers(0, 10**6)
instants = st.integers(0, 100)
texts = st.text('aé€"\\\n\0😀', max_size=9)


@given(debits, ppm)
def test_a_split_loses_nothing_and_favours_nobody(debit: int, fee_ppm: int) -> None:
    total, credit, fee, rounding = settlement.split(debit, fee_ppm)
    assert total == credit + fee + rounding == debit
    assert min(credit, fee) >= 0
    assert 0 <= rounding <= 1
    assert abs(fee * 10**6 - debit * fee_ppm) < 10**6


@given(
    st.integers(0, HOUR), st.integers(0, HOUR), st.integers(0, 10**11), st.integers(1, 10**9), ppm
)
def test_a_settlement_is_sound_and_exact(
    start: int, ms: int, price: int, draw: int, fee_ppm: int
) -> None:
    done = settlement.settle("u", "a", "v", start, start + ms, price, draw, 5, 9, fee_ppm)
    assert done.debit == done.vendor_credit + done.fee + done.rounding
    assert done.debit * MICRO * HOUR <= price * draw * ms < (done.debit + 1) * MICRO * HOUR
    assert done.entry is not None
    assert check_entry(done.entry) is None
    assert sum(posting.amount for posting in done.entry.postings) == 0


@given(st.integers(0, 10**11), st.integers(1, 10**9), st.lists(st.integers(0, HOUR), max_size=9))
def test_many_small_settlements_never_cost_more_than_one(
    price: int, draw: int, cuts: list[int]
) -> None:
    points = [0, *sorted(cuts), HOUR]
    parts = sum(amount(price, draw, b - a) for a, b in pairwise(points))
    whole = amount(price, draw, HOUR)
    assert whole - len(points) < parts <= whole


@given(st.none() | instants, st.none() | instants, st.none() | instants, instants)
def test_nothing_is_delivered_beyond_what_was_reported_leased_or_lived(
    started: int | None, finished: int | None, leased: int | None, now: int
) -> None:
    found = delivered(started, finished, now=now, leased_until=leased)
    assert found.ms >= 0
    if found.ms:
        assert found.start == started
        assert found.end <= min(x for x in (finished, leased, now) if x is not None)


slots = st.lists(
    st.builds(lambda start, ms: Reserved(Interval(start, start + ms), 1), instants, instants),
    max_size=6,
)


@given(instants, instants, slots, st.none() | instants)
def test_each_instant_is_billable_at_most_once_and_only_where_reserved(
    start: int, ms: int, reserved: list[Reserved], settled: int | None
) -> None:
    observed = Interval(start, start + ms)
    seconds: list[int] = []
    for part in billable(observed, reserved, settled):
        seconds += range(part.interval.start, part.interval.end)
    sold = {t for slot in reserved for t in range(slot.interval.start, slot.interval.end)}
    owed = {t for t in range(start, start + ms) if t in sold and t >= (settled or 0)}
    assert len(seconds) == len(set(seconds))
    assert set(seconds) <= owed
    if all(a.interval.meet(b.interval).ms == 0 for a in reserved for b in reserved if a is not b):
        assert set(seconds) == owed


@st.composite
def sound_entries(draw: st.DrawFn) -> Entry:
    moved = draw(st.lists(st.integers(-(10**9), 10**9).filter(bool), min_size=2, max_size=4))
    accounts = [f"external/{n}" for n in range(len(moved))]
    postings = [Posting(*pair) for pair in zip(accounts, moved, strict=True)]
    if rest := -sum(moved):
        postings.append(Posting("external/rest", rest))
    name = draw(st.uuids())
    return Entry(str(name), "k", draw(instants), tuple(postings), draw(texts), draw(texts))


@given(st.lists(sound_entries(), max_size=8, unique_by=lambda e: e.id))
def test_what_was_sealed_verifies_and_survives_its_encoding(entries: list[Entry]) -> None:
    journal = chain.seal(entries)
    assert list(fold.verify(journal, fold.fold(entries))) == []
    assert [chain.decode(chain.encode(e)) for e in entries] == entries


@given(
    st.lists(sound_entries(), min_size=1, max_size=8, unique_by=lambda e: e.id),
    st.data(),
)
def test_no_edit_removal_or_swap_goes_unnoticed(entries: list[Entry], data: st.DataObject) -> None:
    journal = list(chain.seal(entries))
    head, balances = journal[-1].hash, fold.fold(entries)
    at = data.draw(st.integers(0, len(journal) - 1))
    how = data.draw(st.sampled_from(["edit", "remove", "forge"]))
    if how == "remove":
        del journal[at]
    elif how == "edit":
        seq, entry, hash_ = journal[at]
        journal[at] = Sealed(seq, entry._replace(memo=entry.memo + "!"), hash_)
    else:
        forged = [*entries[:at], entries[at]._replace(at=101), *entries[at + 1 :]]
        journal = list(chain.seal(forged))
    assert list(fold.verify(journal, balances, head)) != []
