"""What would have matched had it needed less."""

from __future__ import annotations

import pytest
from tests.unit.market.world import order, told

from busbar.market.counterfactual import Change


@pytest.mark.parametrize(
    ("size", "change", "words"),
    [
        (("6", "2Gi"), Change.CPU, "no more than 4 cpu"),
        (("1", "9Gi"), Change.MEMORY, "no more than 8Gi memory"),
    ],
)
def test_work_that_is_too_large_for_every_node(size, change, words):
    assert told(order("job", *size)) == {change: f"{words}: hansecloud in Germany at 0.02 €/DTU"}
