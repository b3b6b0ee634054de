"""The bookkeeping of keys: due once, in flight once, backed off when refused."""

from __future__ import annotations

from busbar.controllers.queue import NEVER, Item, WorkQueue
from busbar.model.objects import Key

ONE = Item(0, Key("", "pods", "xyz", "one"))
TWO = Item(0, Key("", "pods", "xyz", "two"))


def test_a_key_woken_twice_is_due_once_at_the_earlier_time():
    queue = WorkQueue()
    queue.add(ONE, 20)
    queue.add(ONE, 10)
    queue.add(ONE, 30)
    assert queue.next_due() == 10
    assert queue.take(10, 9) == [ONE]
    assert queue.next_due() == NEVER


def test_a_key_woken_in_flight_is_due_again_after_it():
    queue = WorkQueue()
    queue.add(ONE, 0)
    queue.take(0, 9)
    queue.add(ONE, 5)
    assert queue.take(9, 9) == []
    queue.done(ONE, 9, retry=False)
    assert queue.take(9, 9) == [ONE]


def test_a_refused_key_is_due_after_a_pause_that_doubles():
    queue = WorkQueue()
    queue.add(ONE, 0)
    pauses = []
    now = 0
    for _ in range(4):
        queue.take(now, 9)
        queue.done(ONE, now, retry=True)
        pauses.append(queue.next_due() - now)
        now = queue.next_due()
    assert pauses == [4, 8, 16, 32]


def test_success_forgets_earlier_refusals_and_keeps_the_time_asked_for():
    queue = WorkQueue()
    queue.add(ONE, 0)
    queue.take(0, 9)
    queue.done(ONE, 0, retry=True)
    queue.take(4, 9)
    queue.done(ONE, 4, retry=False, requeue_at=100)
    assert queue.next_due() == 100
    queue.take(100, 9)
    queue.done(ONE, 100, retry=True)
    assert queue.next_due() == 104


def test_no_more_is_taken_than_there_is_room_for():
    queue = WorkQueue()
    queue.add(ONE, 0)
    queue.add(TWO, 1)
    assert queue.take(5, 1) == [ONE]
    assert queue.take(5, 1) == [TWO]
