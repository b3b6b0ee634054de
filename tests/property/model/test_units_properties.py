"""Units: reading is total, exact, and the inverse of writing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from busbar.model.dtu import MICRO, Resources, amount, draw_micro
from busbar.model.errors import InvalidField
from busbar.model.money import MAX_NANO_EURO, format_euro, parse_euro
from busbar.model.quantities import format_bytes, format_milli, milli, parse_quantity, whole
from busbar.model.time import (
    HOUR,
    SECOND,
    format_duration,
    format_instant,
    parse_duration,
    parse_instant,
    slot_of,
)

nanos = st.integers(0, MAX_NANO_EURO)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=60),
    st.from_regex(r"\A[+-]?[0-9.eE+-]{0,40}[a-zA-Z]{0,2}\Z"),
)
anything = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(), scalars))
READERS = (parse_euro, parse_quantity, milli, whole, parse_instant, parse_duration)


def outcome(read, value):
    try:
        return read(value, "spec.field")
    except InvalidField as refused:
        return refused


@given(anything)
def test_whatever_is_written_is_read_or_refused_with_its_path(value):
    for read in READERS:
        found = outcome(read, value)
        if isinstance(found, InvalidField):
            assert found.path == "spec.field"
            assert 0 < len(str(found)) < 300
        else:
            assert isinstance(found, int | Decimal)
            assert found >= 0 or read is parse_instant


@given(nanos)
def test_money_written_is_the_money_read(nano):
    assert parse_euro(format_euro(nano), "p") == nano


@given(nanos, st.integers(0, 21))
def test_trailing_zeros_change_nothing(nano, zeros):
    whole_part, fraction = divmod(nano, 10**9)
    assert parse_euro(f"{whole_part}.{fraction:09d}{'0' * zeros}", "p") == nano


@given(st.floats(0, 10**9, allow_nan=False))
def test_a_number_of_json_is_read_as_it_was_written_or_refused(number):
    assume(not (number == 0 and str(number).startswith("-")))
    exact = Fraction(Decimal(repr(number)))
    try:
        assert Fraction(parse_euro(number, "p"), 10**9) == exact
    except InvalidField:
        digits = len(Decimal(repr(number)).normalize().as_tuple().digits)
        assert (exact * 10**9).denominator != 1 or digits > 15


@given(st.integers(0, 10**9), st.integers(0, 18), st.sampled_from(["", "m", "k", "Ki", "Mi", "G"]))
def test_a_quantity_is_rounded_up_never_down(digits, decimals, suffix):
    text = str(digits) if not decimals else f"{digits}.{'7' * decimals}"
    factor = {"": 1, "m": Fraction(1, 1000), "k": 1000, "Ki": 1024, "Mi": 1024**2, "G": 10**9}
    exact = Fraction(text) * factor[suffix]
    assert 0 <= whole(text + suffix, "p") - exact < 1
    assert 0 <= milli(text + suffix, "p") - exact * 1000 < 1


@given(st.integers(0, 2**63 - 1))
def test_bytes_written_are_the_bytes_read(count):
    assert whole(format_bytes(count), "p") == count


@given(st.integers(0, 2**53))
def test_cpus_written_are_the_cpus_read(count):
    assert milli(format_milli(count), "p") == count


@given(st.integers(0, 10**10))
def test_a_duration_written_is_the_duration_read(seconds):
    assume(seconds < 999_999 * 86_400)
    assert parse_duration(format_duration(seconds * SECOND), "p") == seconds * SECOND


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_an_instant_written_is_the_instant_read(seconds):
    assert parse_instant(format_instant(seconds * SECOND), "p") == seconds * SECOND


@given(st.integers(-(10**15), 10**15))
def test_slots_cover_time_without_gap_or_overlap(at):
    slot = slot_of(at)
    assert slot.start <= at < slot.end == slot.start + HOUR
    assert slot_of(slot.end).start == slot.end
    assert slot_of(slot.start) == slot


prices = st.integers(0, MAX_NANO_EURO)
draws = st.integers(0, 10**12)
times = st.integers(0, 10**10)


@given(prices, draws, times, times)
def test_what_is_billed_in_parts_is_never_more_than_the_whole(price, draw, first, second):
    parts = amount(price, draw, first) + amount(price, draw, second)
    assert 0 <= amount(price, draw, first + second) - parts <= 1


@given(prices, draws, times)
def test_an_amount_is_the_exact_product_rounded_down(price, draw, ms):
    exact = Fraction(price * draw * ms, MICRO * HOUR)
    assert 0 <= exact - amount(price, draw, ms) < 1


@given(st.integers(0, 10**9), st.integers(0, 2**50), st.integers(1, 10**9))
def test_a_draw_grows_with_what_is_requested_and_is_never_zero_for_something(cpu, memory, rating):
    drawn = draw_micro(Resources(cpu, memory), rating)
    assert drawn <= draw_micro(Resources(cpu + 1, memory + 1), rating)
    assert (drawn == 0) == (cpu == memory == 0)
