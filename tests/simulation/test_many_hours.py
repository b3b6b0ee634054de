"""A few thousand simulated hours; `python -m busbar.simulator --seed N` lives one of them again."""

from __future__ import annotations

import pytest

from busbar.replay.funnel import clear_again
from busbar.simulator.cloud import Cloud


@pytest.mark.parametrize("seed", range(1, 49))
def test_every_invariant_holds_for_days_of_faults(seed):
    Cloud(seed, reference=clear_again if seed % 4 == 0 else None).live(48)
