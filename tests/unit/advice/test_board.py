"""Rates from two reports, within what a node may say."""

from __future__ import annotations

from busbar.advice.board import SAMPLES_MAX, STALE_MS, Board
from busbar.model.objects import Object
from busbar.model.use import ContainerUse, Counters, PodUse, UseReport

GIB = 1024**3
NOW = 1_790_000_000_000
NODE = {
    "metadata": {"name": "n1"},
    "status": {"capacity": {"cpu": "4", "memory": "8Gi"}},
}


def pod(**resources: str) -> Object:
    containers = [{"name": "main", "resources": {"requests": {"memory": "1Gi", **resources}}}]
    return {
        "metadata": {"name": "p", "namespace": "xyz", "uid": "u"},
        "spec": {"nodeName": "n1", "containers": containers},
    }


def report(
    at_ms: int, cpu_ms: int, memory: int = 0, *, run: str = "r", boot: str = "b"
) -> UseReport:
    used = ContainerUse(cpu_ms, memory, name="main", run=run, peak_bytes=memory)
    pods = (PodUse("xyz", "p", "u", (used,)),)
    return UseReport(at_ms, boot, Counters(cpu_ms, memory), pods)


def told(*reports: UseReport, of: Object | None = None) -> Board:
    board = Board()
    for number, one in enumerate(reports):
        board.take(NODE, one, {"u": of or pod()}, NOW + number)
    return board


def cpu_milli(board: Board) -> int | None:
    found = board.pod(pod(), NOW + 5)
    return None if found is None else found.rates[0].cpu_nano // 1_000_000


def test_a_rate_is_what_the_counter_grew_over_the_nodes_own_time():
    assert cpu_milli(told(report(1000, 100), report(11_000, 5_100))) == 500


def test_a_counter_that_began_anew_is_no_rate():
    assert cpu_milli(told(report(1000, 9000), report(11_000, 100))) is None
    assert cpu_milli(told(report(1000, 100), report(11_000, 900, run="s"))) is None


def test_a_reboot_begins_anew():
    board = told(report(90_000, 100), report(1000, 200, boot="c"), report(11_000, 1200, boot="c"))
    assert cpu_milli(board) == 100


def test_reports_in_a_hurry_are_not_listened_to():
    hurried = told(report(1000, 0), report(1001, 10), report(11_000, 5_000))
    assert cpu_milli(hurried) == 500


def test_no_more_than_the_node_has_and_the_pod_bought():
    board = told(report(1000, 0), report(2000, 10**9, 64 * GIB))
    found = board.pod(pod(), NOW)
    assert found is not None
    assert found.rates[0] == ("main", 4 * 10**9, GIB)
    machine = board.node("n1", NOW)
    assert machine is not None
    assert machine.rates[0] == ("n1", 4 * 10**9, 8 * GIB)


def test_a_container_that_the_pod_does_not_have_is_left_out():
    other = {**pod(), "spec": {"nodeName": "n1", "containers": [{"name": "other"}]}}
    assert told(report(1000, 0), report(2000, 10), of=other).pod(other, NOW) is None


def test_silence_makes_it_unknown():
    board = told(report(1000, 0), report(2000, 10))
    assert board.pod(pod(), NOW + 1 + STALE_MS) is not None
    assert board.pod(pod(), NOW + 2 + STALE_MS) is None
    assert board.node("n1", NOW + 2 + STALE_MS) is None


def test_samples_are_handed_over_once():
    board = told(*(report(1000 * n, 500 * n, n) for n in range(1, 6)))
    (seen,) = board.hand_over(NOW)
    assert seen.containers["main"].cpu_milli == [500, 500, 500, 500]
    assert (seen.containers["main"].memory_bytes, seen.containers["main"].peak_bytes) == (5, 5)
    assert board.hand_over(NOW) == []


def test_what_is_kept_until_then_is_bounded():
    board = told(*(report(1000 * n, 500 * n) for n in range(1, 3 * SAMPLES_MAX)))
    (seen,) = board.hand_over(NOW)
    assert len(seen.containers["main"].cpu_milli) == SAMPLES_MAX
