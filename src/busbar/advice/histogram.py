"""A decaying histogram of cpu: recent samples count for more, old ones fade away.

The method is that of the Kubernetes vertical autoscaler's recommender: buckets of which each is
5 % wider than the one before, and weights that halve every 24 hours. Here in whole numbers: the
newer sample gets the larger weight, and once a day all weights are halved. Next: `profile.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

HALF_LIFE_HOURS = 24
_FIRST_MILLI, _MOST_MILLI = 10, 4_000_000


def _bounds() -> tuple[int, ...]:
    """Give each bucket's upper bound: 10m, then each bucket a twentieth wider."""
    found, width = [_FIRST_MILLI], _FIRST_MILLI
    while found[-1] < _MOST_MILLI:
        width = -(-width * 21 // 20)
        found.append(found[-1] + width)
    return tuple(found)


BOUNDS = _bounds()
_WEIGHTS = tuple(int(1000 * 2 ** (hour / HALF_LIFE_HOURS) + 0.5) for hour in range(HALF_LIFE_HOURS))
"""What a sample weighs by the hours since the reference: from 1 to 2 in thousandths."""


class Histogram(NamedTuple):
    """Weights by bucket; `reference` is the hour (since 1970) in which a sample weighs 1,000."""

    reference: int
    weights: Mapping[int, int]

    def take(self, hour: int, samples: list[int]) -> Histogram:
        """Add samples of an hour; those of before count for less the older they are."""
        reference, weights = self.reference, dict(self.weights)
        if not weights:
            reference = hour
        days = max(0, (hour - reference) // HALF_LIFE_HOURS)
        if days:
            halved = ((bucket, weight >> min(days, 60)) for bucket, weight in weights.items())
            weights = {bucket: weight for bucket, weight in halved if weight}
            reference += days * HALF_LIFE_HOURS
        weight = _WEIGHTS[max(0, hour - reference)]
        for sample in samples:
            bucket = min(bisect_left(BOUNDS, sample), len(BOUNDS) - 1)
            weights[bucket] = weights.get(bucket, 0) + weight
        return Histogram(reference, weights)

    def quantile(self, percent: int) -> int:
        """Give the upper bound of the bucket in which a share of the weight is reached, or 0."""
        total, reached = sum(self.weights.values()), 0
        for bucket in sorted(self.weights):
            reached += self.weights[bucket]
            if reached * 100 >= total * percent:
                return BOUNDS[bucket]
        return 0


EMPTY = Histogram(0, {})


def read_histogram(said: Mapping[str, object]) -> Histogram:
    """Read it as it is stored."""
    weights = said.get("weights")
    kept = weights if isinstance(weights, dict) else {}
    return Histogram(_int(said.get("reference")), {int(k): _int(v) for k, v in kept.items()})


def write_histogram(found: Histogram) -> dict[str, object]:
    """Write it as it is stored."""
    weights = {str(bucket): found.weights[bucket] for bucket in sorted(found.weights)}
    return {"reference": found.reference, "weights": weights}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
