"""Is an hour unusual? Median and MAD of the hours like it; robust, seasonal, in whole numbers.

Hours are alike that are the same hour of the day (UTC) on a working day, or both on a weekend, of
the last 28 days. Expected is their median. How far they usually are from it is the MAD (median of
the absolute deviations, times 1.4826, which makes it the standard deviation of a normal law), and
at least the middle one of the MADs of all 24 hours, so that eight quiet Sundays do not make the
ninth an alarm, and at least a fifteenth of the median. An hour is unusual that is

- further away than `LIMIT` times that,
- further, so measured, than all but one in `RARE` of the hours of those 28 days were: what comes
  in bursts by nature is no alarm, and whatever its law is, no more than about one hour in
  `RARE` is,
- and by something that matters (`least`).

With fewer than `LIKE_MIN` hours like it nothing is said. Sources: Iglewicz and Hoaglin, "How to
Detect and Handle Outliers" (1993), for the MAD; Vovk et al., "Algorithmic Learning in a Random
World" (2005), for the rank. The false alarms are counted in tests/unit/advice/test_unusual.py.
Next: `spending.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LIMIT = 6
RARE = 250
LIKE_MIN = 8
WINDOW_HOURS = 28 * 24
_FIRST_DAY = 3
"""1970 began on a Thursday, the fourth day of its week."""


class Unusual(NamedTuple):
    """The evidence: the value, the range expected, and from how many hours like it."""

    hour: int
    value: int
    expected: int
    low: int
    high: int
    alike: int
    """How many hours like it there were."""


def judge(series: Mapping[int, int], hour: int, least: int) -> Unusual | None:
    """Say whether the hour (since 1970) of a series is unusual; None: it is not, or who knows.

    `least`: a difference below this is nothing, however rare. Hours without a value do not count.
    """
    if hour not in series:
        return None
    like = _alike(series, hour)
    mine = like.get(hour % 24, [])
    if len(mine) < LIKE_MIN:
        return None
    value, usual = series[hour], median([_mad(values) for values in like.values()])
    expected, spread = median(mine), _spread(mine, usual)
    reach = max(_limit(like, usual) * spread // 100, least)
    low, high = max(0, expected - reach), expected + reach
    if low <= value <= high:
        return None
    return Unusual(hour, value, expected, low, high, len(mine))


def _spread(values: Sequence[int], usual: int) -> int:
    """Give how far values are from their median, as a standard deviation; at least 1."""
    found = max(_mad(values), usual, median(values) // 15)
    return max(1, found * 14_826 // 10_000)


def _limit(like: Mapping[int, Sequence[int]], usual: int) -> int:
    """Give how many hundredths of a spread are usual: `LIMIT`, or what all but the rarest were."""
    scores = []
    for values in like.values():
        center, spread = median(values), _spread(values, usual)
        scores += [abs(value - center) * 100 // spread for value in values]
    scores.sort()
    rarest = len(scores) // RARE
    return max(100 * LIMIT, scores[-1 - rarest] + 1)


def _alike(series: Mapping[int, int], hour: int) -> dict[int, list[int]]:
    """Give the values of the last 28 days by hour of the day, on days like this one's."""
    found: dict[int, list[int]] = defaultdict(list)
    kind = is_weekend(hour)
    for other in range(hour - WINDOW_HOURS, hour):
        if other in series and is_weekend(other) is kind:
            found[other % 24].append(series[other])
    return found


def is_weekend(hour: int) -> bool:
    """Say whether an hour is on a Saturday or Sunday (UTC)."""
    return (hour // 24 + _FIRST_DAY) % 7 >= 5


def median(values: Sequence[int]) -> int:
    """Give the middle value; of an even number, the lower of the middle two's mean."""
    ordered, middle = sorted(values), len(values) // 2
    if not ordered:
        return 0
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


def _mad(values: Sequence[int]) -> int:
    center = median(values)
    return median([abs(value - center) for value in values])
