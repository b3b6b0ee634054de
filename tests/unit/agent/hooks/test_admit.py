"""The fencing token: an ended contract never acts again."""

from __future__ import annotations

import pytest
from tests.unit.agent.conftest import UID, pod

from busbar.agent.hooks.admit import admit, epoch_of
from busbar.agent.records import PodRecord
from busbar.agent.refusals import PodRefused, Reason


@pytest.mark.parametrize(("seen", "bound"), [(0, 1), (4, 4), (4, 9)])
def test_the_same_or_a_newer_epoch_is_admitted_and_remembered(seen: int, bound: int) -> None:
    record = PodRecord(UID, {}, seen)
    admit(pod(epoch=bound), record)
    assert record.epoch == bound


def test_an_older_epoch_is_refused_for_good() -> None:
    record = PodRecord(UID, {}, 5)
    with pytest.raises(PodRefused) as caught:
        admit(pod(epoch=4), record)
    assert caught.value.reason is Reason.STALE_EPOCH
    assert not caught.value.retry
    assert record.epoch == 5


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", " 1"])
def test_what_is_no_number_is_no_epoch(text: str) -> None:
    bound = pod()
    bound["metadata"]["annotations"]["busbar.dev/epoch"] = text
    assert epoch_of(bound) is None
    with pytest.raises(PodRefused, match="is not a number"):
        admit(bound, PodRecord(UID, {}))
