"""VAT: standard rates of the EU's member states by date, and which of them a sale bears.

Source of the rates: European Commission, Taxes in Europe Database (TEDB), standard rates, as known
in November 2026; an operator checks them before they invoice. Source of the rules: Council
Directive 2006/112/EC, articles 44, 58 and 196 (place of supply, reverse charge); categories are
those of EN 16931 (UNTDID 5305). Next: `wellknown.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

Percent100 = int
"""A rate in hundredths of a percent: 25.5 % is 2550."""

_RATES: Final[dict[str, tuple[tuple[str, Percent100], ...]]] = {
    "AT": (("2016-01-01", 2000),),
    "BE": (("2016-01-01", 2100),),
    "BG": (("2016-01-01", 2000),),
    "CY": (("2016-01-01", 1900),),
    "CZ": (("2016-01-01", 2100),),
    "DE": (("2016-01-01", 1900), ("2020-07-01", 1600), ("2021-01-01", 1900)),
    "DK": (("2016-01-01", 2500),),
    "EE": (("2016-01-01", 2000), ("2024-01-01", 2200), ("2025-07-01", 2400)),
    "ES": (("2016-01-01", 2100),),
    "FI": (("2016-01-01", 2400), ("2024-09-01", 2550)),
    "FR": (("2016-01-01", 2000),),
    "GR": (("2016-06-01", 2400),),
    "HR": (("2016-01-01", 2500),),
    "HU": (("2016-01-01", 2700),),
    "IE": (("2016-01-01", 2300), ("2020-09-01", 2100), ("2021-03-01", 2300)),
    "IT": (("2016-01-01", 2200),),
    "LT": (("2016-01-01", 2100),),
    "LU": (("2016-01-01", 1700), ("2023-01-01", 1600), ("2024-01-01", 1700)),
    "LV": (("2016-01-01", 2100),),
    "MT": (("2016-01-01", 1800),),
    "NL": (("2016-01-01", 2100),),
    "PL": (("2016-01-01", 2300),),
    "PT": (("2016-01-01", 2300),),
    "RO": (("2017-01-01", 1900), ("2025-08-01", 2100)),
    "SE": (("2016-01-01", 2500),),
    "SI": (("2016-01-01", 2200),),
    "SK": (("2016-01-01", 2000), ("2025-01-01", 2300)),
}
"""Country to (since when, rate), in time order. A change is a new line; lines are never edited."""

MEMBER_STATES: Final = frozenset(_RATES)


class Treatment(NamedTuple):
    """How a sale is taxed: UNTDID 5305 category, rate, and why where the rate is zero."""

    category: str
    rate: Percent100
    reason: str = ""
    reason_code: str = ""
    """Of the CEF's VATEX list."""


REVERSE_CHARGE: Final = Treatment("AE", 0, "Reverse charge", "VATEX-EU-AE")
OUTSIDE: Final = Treatment("O", 0, "Not subject to VAT", "VATEX-EU-O")


class RateUnknown(LookupError):
    """The table has no rate for a country on a day."""


def standard_rate(country: str, day: str) -> Percent100:
    """Give the standard rate of a member state on a day such as `2026-11-30`."""
    found = [rate for since, rate in _RATES.get(country, ()) if since <= day]
    if not found:
        raise RateUnknown(f"no VAT rate is known for {country} on {day}")
    return found[-1]


def treat(seller: str, buyer: str, buyer_vat_id: str, day: str) -> Treatment:
    """Say how electronic services are taxed that a seller's country sells to a buyer's.

    At home the seller's rate; to a business (with a VAT number) in another member state reverse
    charge; to anybody else there the buyer's rate (one-stop shop); out of or from outside the EU
    it is no matter of EU VAT.
    """
    if seller not in MEMBER_STATES or buyer not in MEMBER_STATES:
        return OUTSIDE
    if seller != buyer and buyer_vat_id:
        return REVERSE_CHARGE
    return Treatment("S", standard_rate(buyer, day))


def vat_cents(net_cents: int, rate: Percent100) -> int:
    """Give the VAT on an amount, rounded half away from zero to the cent."""
    size, left = divmod(abs(net_cents) * rate, 10_000)
    rounded = size + (left >= 5_000)
    return rounded if net_cents >= 0 else -rounded
