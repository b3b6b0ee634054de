"""What stands in the tables of `kubectl get`."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.apis.kubernetes.printing.columns import human_duration
from busbar.apis.kubernetes.printing.kinds import PRINTERS
from busbar.apis.kubernetes.printing.own import PRINTERS as OWN
from busbar.apis.kubernetes.printing.pods import cells, reason
from busbar.model.kinds import OWN_KINDS
from busbar.model.time import parse_instant

NOW = parse_instant("2026-11-22T12:00:00Z", "")
S, M, H, D = 1000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5 * S, "<invalid>"),
        (-1, "0s"),
        (119 * S, "119s"),
        (2 * M, "2m"),
        (5 * M + 7 * S, "5m7s"),
        (179 * M, "179m"),
        (3 * H + 5 * M, "3h5m"),
        (47 * H, "47h"),
        (2 * D + 5 * H, "2d5h"),
        (30 * D, "30d"),
        (3 * 365 * D + D, "3y1d"),
        (9 * 365 * D, "9y"),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(ms: int, text: str) -> None:
    assert human_duration(ms) == text


def pod(*states: dict[str, Any], phase: str = "Running", **more: Any) -> dict[str, Any]:
    statuses = [{"state": state, "ready": "running" in state} for state in states]
    return {
        "metadata": {"name": "p", **more.pop("metadata", {})},
        "spec": {"containers": [{"name": str(i)} for i in range(len(states))], **more},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (pod({"running": {}}), "Running"),
        (pod(phase="Pending"), "Pending"),
        (pod({"waiting": {"reason": "ImagePullBackOff"}}, phase="Pending"), "ImagePullBackOff"),
        (pod({"terminated": {"exitCode": 0, "reason": "Completed"}}), "Completed"),
        (pod({"terminated": {"exitCode": 3}}), "ExitCode:3"),
        (pod({"terminated": {"exitCode": 137, "signal": 9}}), "Signal:9"),
        (pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), "OOMKilled"),
        (
            pod({"terminated": {"exitCode": 0, "reason": "Completed"}}, {"running": {}}),
            "Running",
        ),
        (pod({"running": {}}, metadata={"deletionTimestamp": "x"}), "Terminating"),
        (
            {"metadata": {}, "spec": {}, "status": {"phase": "Failed", "reason": "Evicted"}},
            "Evicted",
        ),
    ],
)
def test_one_word_says_how_a_pod_is(made: dict[str, Any], word: str) -> None:
    assert reason(made) == word


def test_init_containers_are_counted() -> None:
    made = pod(phase="Pending", initContainers=[{"name": "a"}, {"name": "b"}])
    done = {"state": {"terminated": {"exitCode": 0}}}
    made["status"]["initContainerStatuses"] = [done, {"state": {"running": {}}}]
    assert reason(made) == "Init:1/2"


def test_restarts_tell_when_the_last_was() -> None:
    made = pod({"running": {}}, nodeName="n1")
    ended = {"terminated": {"finishedAt": "2026-11-22T11:55:00Z"}}
    made["status"]["containerStatuses"][0] |= {"restartCount": 3, "lastState": ended}
    row = cells(made, NOW)
    assert row[1:4] == ["1/1", "Running", "3 (5m ago)"]


@pytest.mark.parametrize("collection", sorted(PRINTERS))
def test_every_kind_has_a_cell_for_each_column_even_when_bare(collection: Any) -> None:
    printer = PRINTERS[collection]
    assert len(printer.cells({"metadata": {"name": "x"}}, NOW)) == len(printer.columns)


@pytest.mark.parametrize("own", OWN_KINDS, ids=lambda own: own.kind)
def test_own_kinds_are_printed_by_their_columns(own: Any) -> None:
    printer = OWN[own.group, own.plural]
    names = [column.name for column in printer.columns]
    assert names == ["Name", *(column.name for column in own.columns), "Age"]
    assert len(printer.cells({"metadata": {"name": "x"}}, NOW)) == len(names)


def test_a_node_is_ready_while_it_says_so() -> None:
    printer = PRINTERS["", "nodes"]
    node = {
        "metadata": {"name": "n", "labels": {"busbar.dev/vendor": "elastx"}},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    row = printer.cells(node, NOW)
    assert (row[1], row[5]) == ("Ready,SchedulingDisabled", "elastx")
    lost = {**node, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert printer.cells({**lost, "spec": {}}, NOW)[1] == "Unknown"


def test_a_jobs_row_counts_and_times() -> None:
    printer = PRINTERS["batch", "jobs"]
    job = {
        "metadata": {"name": "j"},
        "spec": {"completions": 3},
        "status": {
            "succeeded": 2,
            "startTime": "2026-11-22T11:00:00Z",
            "conditions": [{"type": "Failed", "status": "True"}],
        },
    }
    assert printer.cells(job, NOW)[1:4] == ["Failed", "2/3", "60m"]
