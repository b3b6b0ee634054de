"""However a settlement is refunded and charged, in parts: nobody gets back more than was given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger.chain import seal
from busbar.ledger.checks import check_entry
from busbar.ledger.corrections import Direction, Refusal, correct
from busbar.ledger.entries import Entry
from busbar.ledger.fold import fold
from busbar.ledger.settlement import settle
from busbar.ledger.usage import usage
from busbar.model.time import HOUR

STEPS = st.lists(
    st.tuples(st.sampled_from(Direction), st.none() | st.integers(1, 3 * 10**9)), max_size=12
)


@given(
    st.integers(1, 10**9),
    st.integers(1, HOUR),
    st.integers(0, 500_000),
    st.integers(0, 10**6),
    STEPS,
)
def test_corrections_conserve_money_and_end_at_nothing(
    price: int,
    ms: int,
    fee_ppm: int,
    release: int,
    steps: list[tuple[Direction, int | None]],
) -> None:
    settled = settle("u", "a", "v", 0, ms, price, 1_500_000, release, HOUR, fee_ppm)
    if settled.entry is None or not settled.debit:
        return
    (original,), done = seal([settled.entry]), list[Entry]()
    owed = settled.debit
    for n, (direction, amount) in enumerate(steps):
        found = correct(original, done, direction, amount, HOUR, "because", str(n))
        if isinstance(found, Refusal):
            assert (amount or 0) > owed or not owed or direction is Direction.CHARGE
            continue
        assert check_entry(found) is None
        sign = 1 if direction is Direction.CHARGE else -1
        owed += sign * (owed if amount is None else amount)
        assert owed >= 0
        done.append(found)
    rows = list(usage(seal([settled.entry, *done])))
    assert sum(row.debit for row in rows) == owed
    for row in rows:
        assert row.debit == row.vendor_credit + row.fee + row.rounding
    if not owed:
        left = fold([settled.entry, *done])
        assert {left.get(a, 0) for a in ("vendor/v", "exchange/fee", "exchange/rounding")} == {0}
