"""Months and their closing."""

from __future__ import annotations

import pytest

from busbar.ledger import settlement
from busbar.ledger.chain import seal
from busbar.ledger.checks import Fault, check_entry
from busbar.ledger.entries import Entry, Posting
from busbar.ledger.fold import Defect, Verifier
from busbar.ledger.periods import close, month_of, parse_month
from busbar.model.errors import InvalidField
from busbar.model.time import DAY, parse_instant

DECEMBER = parse_instant("2026-12-01T00:00:00Z", "")


def test_a_month_is_a_calendar_month_of_utc() -> None:
    assert parse_month("2026-11", "") == (DECEMBER - 30 * DAY, DECEMBER)
    assert (month_of(DECEMBER - 1), month_of(DECEMBER)) == ("2026-11", "2026-12")


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-11", "", "2026-11-01", "0000-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="--month"):
        parse_month(text, "--month")


def test_only_a_month_that_has_ended_is_closed_by_an_entry_that_moves_nothing() -> None:
    entry = close("2026-11", DECEMBER)
    assert (entry.id, entry.postings, check_entry(entry)) == ("close/2026-11", (), None)
    with pytest.raises(ValueError, match="not ended"):
        close("2026-11", DECEMBER - 1)


def test_only_closings_may_move_nothing() -> None:
    found = check_entry(Entry("x", "settle", 1, ()))
    assert found is not None
    assert found.fault is Fault.TOO_FEW_POSTINGS
    lopsided = close("2026-11", DECEMBER)._replace(postings=(Posting("a", 1),))
    assert check_entry(lopsided) is not None


def test_verification_finds_what_is_dated_in_a_closed_month() -> None:
    entries = (
        settlement.top_up("a", 5, DECEMBER - 1, "1"),
        close("2026-11", DECEMBER),
        settlement.top_up("a", 5, DECEMBER, "2"),
        settlement.top_up("a", 5, DECEMBER - 1, "3"),
    )
    verifier = Verifier()
    found = [f for sealed in seal(entries) for f in verifier.feed(sealed)]
    assert [(f.defect, f.seq) for f in found] == [(Defect.DATED_IN_CLOSED, 4)]
