"""VAT: rates by day, and which of them a sale bears."""

from __future__ import annotations

import pytest

from busbar.model.vat import (
    MEMBER_STATES,
    OUTSIDE,
    REVERSE_CHARGE,
    RateUnknown,
    Treatment,
    standard_rate,
    treat,
    vat_cents,
)


def test_every_member_state_has_a_rate_as_the_directive_wants_it() -> None:
    assert len(MEMBER_STATES) == 27
    rates = {country: standard_rate(country, "2026-11-30") for country in MEMBER_STATES}
    assert all(1500 <= rate <= 2700 for rate in rates.values())  # Article 97: at least 15 %.
    assert (rates["SE"], rates["FI"], rates["HU"], rates["LU"]) == (2500, 2550, 2700, 1700)


@pytest.mark.parametrize(
    ("country", "before", "after", "day"),
    [
        ("FI", 2400, 2550, "2024-09-01"),
        ("SK", 2000, 2300, "2025-01-01"),
        ("EE", 2200, 2400, "2025-07-01"),
        ("RO", 1900, 2100, "2025-08-01"),
    ],
)
def test_a_change_holds_from_its_day(country: str, before: int, after: int, day: str) -> None:
    assert standard_rate(country, "2024-08-31" if country == "FI" else "2024-12-31") == before
    assert standard_rate(country, day) == after


def test_a_day_before_the_table_is_not_guessed() -> None:
    with pytest.raises(RateUnknown, match="SE on 2010-01-01"):
        standard_rate("SE", "2010-01-01")


def test_a_sale_is_taxed_where_the_directive_says() -> None:
    day = "2026-11-30"
    assert treat("SE", "SE", "SE55", day) == Treatment("S", 2500)
    assert treat("SE", "DE", "DE12", day) == REVERSE_CHARGE
    assert treat("SE", "DE", "", day) == Treatment("S", 1900)
    assert treat("SE", "NO", "", day) == treat("CH", "SE", "SE55", day) == OUTSIDE


def test_vat_is_rounded_half_away_from_zero_to_the_cent() -> None:
    assert [vat_cents(net, 2550) for net in (0, 100, 10, 2, -2, -10)] == [0, 26, 3, 1, -1, -3]
