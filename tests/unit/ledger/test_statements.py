"""Statements: closing = opening + lines, and the next month begins where the last ended."""

from __future__ import annotations

from tests.unit.documents.journals import everything

from busbar.ledger.entries import Kind
from busbar.ledger.fold import fold
from busbar.ledger.periods import parse_month
from busbar.ledger.statements import of_bond, of_namespace, of_vendor, statement

NOVEMBER, DECEMBER = parse_month("2026-11", ""), parse_month("2026-12", "")


def test_months_follow_each_other_to_the_balance_of_the_ledger() -> None:
    journal = everything()
    balances = fold(sealed.entry for sealed in journal)
    for owns in (of_namespace("team-a"), of_namespace("x"), of_vendor("elastx"), of_bond("elastx")):
        first, second = (statement(journal, owns, month) for month in (NOVEMBER, DECEMBER))
        assert (first.opening, first.closing) == (0, second.opening)
        assert second.closing == sum(b for account, b in balances.items() if owns(account))
        for month in (first, second):
            assert month.closing == month.opening + sum(line.amount for line in month.lines)


def test_holds_and_releases_are_no_movements_of_a_consumer() -> None:
    found = statement(everything(), of_namespace("team-a"), NOVEMBER)
    kinds = [line.kind for line in found.lines]
    assert kinds == ["topup", "settle", "settle", "credit", "slash", "correct"]
    assert found.total(Kind.CREDIT) == 3 * 10**9
    assert [line.about for line in found.lines[1:4]] == ["Job/pi", "Job/pi", "late start"]
    assert found.lines[-1].balance == found.closing
