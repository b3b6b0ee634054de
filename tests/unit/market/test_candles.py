"""Open, high, low, close: a batch is one moment, hours follow each other."""

from __future__ import annotations

from busbar.market.candles import Candle, candle_of, day_of, row_of, traded
from busbar.model.time import HOUR

TEN = 10 * HOUR


def match(zone: str, draw: int, *segments: tuple[int, int, int]) -> dict:
    parts = [{"startMs": s, "endMs": e, "priceNano": p} for s, e, p in segments]
    return {"zone": zone, "drawMicro": draw, "segments": parts}


def test_a_contract_counts_in_each_hour_it_is_delivered_in():
    half = TEN + HOUR // 2
    found = traded(
        [match("S", 2_000_000, (half, TEN + HOUR, 40), (TEN + HOUR, TEN + 2 * HOUR, 30))]
    )
    assert found["S", TEN] == Candle(40, 40, 40, 40, 1_000_000, 40, 1)
    assert found["S", TEN + HOUR] == Candle(30, 30, 30, 30, 2_000_000, 60, 1)


def test_within_a_batch_the_zones_price_opens_and_closes():
    found = traded([match("S", 1, (TEN, TEN + HOUR, p)) for p in (30, 50, 20)])
    assert found["S", TEN][:4] == (50, 50, 20, 50)
    assert found["S", TEN].trades == 3


def test_later_batches_go_on_where_the_first_opened():
    first, later = Candle(50, 50, 20, 50, 10, 5, 1), Candle(30, 60, 30, 30, 1, 1, 2)
    assert first.then(later) == Candle(50, 60, 20, 30, 11, 6, 3)


def test_zones_are_apart():
    found = traded([match("S", 1, (0, HOUR, 1)), match("G", 1, (0, HOUR, 2))])
    assert set(found) == {("S", 0), ("G", 0)}


def test_rows_are_read_as_they_were_written_and_make_a_day():
    candle = Candle(50_000_000, 60_000_000, 20_000_000, 30_000_000, 1_500_000, 6, 3)
    assert candle_of(row_of(TEN, candle)) == candle
    day = day_of([row_of(TEN, candle), row_of(TEN + HOUR, candle._replace(close=40_000_000))])
    assert day == {"open": "0.05", "high": "0.06", "low": "0.02", "close": "0.04", "volumeDTU": "3"}
