"""Budgets, months and statements."""

from __future__ import annotations

from busbar.ledger import chain, settlement
from busbar.ledger.accounts import check_budget, month_start, spent, statement
from busbar.model.time import HOUR, parse_instant

EURO = 10**9


def test_a_budget_bounds_what_is_spent_and_held_together() -> None:
    assert check_budget(10 * EURO, 4 * EURO, 3 * EURO, 3 * EURO) is None
    over = check_budget(10 * EURO, 4 * EURO, 3 * EURO, 3 * EURO + 1)
    assert over is not None
    assert over.left_nano == 3 * EURO
    assert "spec.budget of 10 €" in over.message
    assert "3 € left" in over.message


def test_without_a_budget_everything_fits() -> None:
    assert check_budget(None, 10**18, 10**18, 10**18) is None


def test_a_budget_of_nothing_allows_nothing() -> None:
    assert check_budget(0, 0, 0, 1) is not None


def test_a_month_starts_at_its_first_instant() -> None:
    first = parse_instant("2026-02-01T00:00:00Z", "")
    assert month_start(first) == first
    assert month_start(first - 1) == parse_instant("2026-01-01T00:00:00Z", "")
    assert month_start(parse_instant("2026-02-28T23:59:59Z", "")) == first


def entries() -> tuple[settlement.Entry, ...]:
    settled = settlement.settle("u", "a", "v", 0, HOUR, 10, 1_000_000, 30, HOUR).entry
    assert settled is not None
    return settlement.top_up("a", 100, 1, "k"), settlement.hold("u", "a", 40, 2), settled


def test_spent_is_what_settlements_took_and_holds_are_not() -> None:
    assert spent(entries(), "a", 0) == 10
    assert spent(entries(), "a", HOUR + 1) == 0
    assert spent(entries(), "a", 0, HOUR) == 0
    assert spent(entries(), "b", 0) == 0


def test_a_statement_has_a_line_per_entry_and_the_running_balance() -> None:
    lines = list(statement(chain.seal(entries()), "ns/a/available"))
    assert [(line.seq, line.amount, line.balance) for line in lines] == [
        (1, 100, 100),
        (2, -40, 60),
        (3, 30, 90),
    ]
    assert [line.kind for line in lines] == ["topup", "hold", "settle"]
