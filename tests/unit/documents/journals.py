"""A journal with an entry of every kind, and nasty texts."""

from __future__ import annotations

from busbar.ledger import bonds, corrections, settlement
from busbar.ledger.chain import seal
from busbar.ledger.corrections import Direction
from busbar.ledger.entries import Entry, Sealed
from busbar.ledger.periods import close
from busbar.model.time import DAY, HOUR, SECOND, parse_instant

EURO = 10**9
NOVEMBER = parse_instant("2026-11-01T00:00:00Z", "")
DECEMBER = parse_instant("2026-12-01T00:00:00Z", "")
SOLD = settlement.Sold(
    contract="pi-1",
    order="pi",
    owner="Job/pi",
    vendor="elastx",
    offer="day",
    offer_version=3,
    node="n1",
    zone="Sweden",
    cpu_milli=1500,
    memory_bytes=2**31,
)


def settled(n: int, at: int, price: int, ms: int = HOUR, namespace: str = "team-a") -> Entry:
    done = settlement.settle(
        f"u{n}", namespace, "elastx", at, at + ms, price, 1_500_000, 5, at + ms + SECOND, sold=SOLD
    )
    assert done.entry is not None
    return done.entry


def everything() -> tuple[Sealed, ...]:
    """Give November and a bit of December."""
    at = NOVEMBER + DAY
    first = [
        settlement.top_up("team-a", 100 * EURO, at, 'key "with" \\ quotes\nand lines'),
        settlement.top_up("x", 7, at, "k"),
        settlement.hold("u1", "team-a", 20 * EURO, at),
        settled(1, at, 333_333_333),
        settled(2, at + HOUR, 777_777_777, 12_345),
        settlement.release("u1", "team-a", EURO, at + 2 * HOUR),
        corrections.credit("team-a", 3 * EURO, at + DAY, "late start", "k"),
        bonds.deposit("elastx", 10**6, at + DAY, "k"),
        settlement.payout("elastx", 10**5, at + DAY, "k"),
    ]
    slash = bonds.slash(
        "elastx", 10**5, at + DAY, "u9", "not delivered", in_bond=EURO, to="ns/team-a/available"
    )
    assert slash is not None
    first += [slash, bonds.unbond("elastx", 5, at + DAY, "k")]
    fourth = Sealed(4, first[3], "")
    for key, amount, when in (("now", 1_000, at + 2 * DAY), ("later", None, DECEMBER + DAY)):
        earlier = [e for e in first if e.id.startswith("correct/")]
        found = corrections.correct(
            fourth, earlier, Direction.REFUND, amount, when, "measured wrongly", key
        )
        assert isinstance(found, Entry)
        if when >= DECEMBER:
            first += [close("2026-11", DECEMBER)]
        first.append(found)
    return seal(first)
