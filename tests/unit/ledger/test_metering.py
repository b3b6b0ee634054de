"""What was delivered and may be billed: min(reported, reserved, leased)."""

from __future__ import annotations

from busbar.ledger.metering import Interval, Reserved, billable, delivered


def test_a_running_workload_delivered_until_now() -> None:
    assert delivered(10, None, now=50) == Interval(10, 50)


def test_a_finished_workload_delivered_until_its_finish() -> None:
    assert delivered(10, 30, now=50) == Interval(10, 30)


def test_a_finish_reported_in_the_future_is_not_believed() -> None:
    assert delivered(10, 90, now=50) == Interval(10, 50)


def test_a_lost_node_delivered_until_its_lease_was_last_renewed() -> None:
    assert delivered(10, None, now=50, leased_until=20) == Interval(10, 20)
    assert delivered(10, 45, now=50, leased_until=20) == Interval(10, 20)


def test_nothing_started_is_nothing_delivered() -> None:
    assert delivered(None, 30, now=50).ms == 0
    assert delivered(60, None, now=50).ms == 0
    assert delivered(40, 30, now=50).ms == 0


def test_only_what_was_reserved_is_billable() -> None:
    slots = [Reserved(Interval(0, 10), 7), Reserved(Interval(20, 30), 8)]
    assert billable(Interval(5, 25), slots) == (
        Reserved(Interval(5, 10), 7),
        Reserved(Interval(20, 25), 8),
    )
    assert billable(Interval(11, 19), slots) == ()


def test_what_was_settled_is_not_billable_again() -> None:
    slots = [Reserved(Interval(0, 10), 7), Reserved(Interval(10, 20), 8)]
    assert billable(Interval(0, 20), slots, settled_until=10) == (slots[1],)
    assert billable(Interval(0, 20), slots, settled_until=20) == ()


def test_overlapping_slots_are_billed_once_and_in_order() -> None:
    slots = [Reserved(Interval(5, 20), 8), Reserved(Interval(0, 10), 7)]
    assert billable(Interval(0, 20), slots) == (
        Reserved(Interval(0, 10), 7),
        Reserved(Interval(10, 20), 8),
    )
