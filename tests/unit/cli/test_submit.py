"""`busbar submit`: manifests in, the job's outcome out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Json, Result

Busbar = Callable[..., Result]
JOBS = f"{BUSBAR}/namespaces/xyz/jobs"
JOB = "apiVersion: busbar.dev/v1alpha1\nkind: Job\nmetadata: {name: j1}\nspec: {image: a}\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "manifest.yaml"
        file.write_bytes(text.encode("latin-1"))
        return file

    return write


Manifest = Callable[[str], Path]


def steps(cloud: FakeCloud, name: str, *statuses: Json) -> None:
    """Let a job go through statuses, each seen by one watch."""
    cloud.events.setdefault(JOBS, []).extend(
        [{"type": "MODIFIED", "object": {"metadata": meta(name), "status": status}}]
        for status in statuses
    )


def meta(name: str) -> Json:
    return {"name": name, "namespace": "xyz", "resourceVersion": "2"}


def test_every_object_of_a_file_is_submitted(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    result = busbar("submit", manifest(f"{JOB}---\n{JOB.replace('j1', 'j2')}---\n"))
    assert result == Result(0, "job j1 accepted\njob j2 accepted\n", "")
    assert {f"{JOBS}/j1", f"{JOBS}/j2"} <= set(cloud.objects)


def test_a_time_stays_what_the_user_wrote(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    busbar("submit", manifest(JOB.replace("image: a", "notAfter: 2025-03-25T08:25:58Z")))
    assert cloud.objects[f"{JOBS}/j1"]["spec"] == {"notAfter": "2025-03-25T08:25:58Z"}


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("", 2, "holds no Kubernetes object; it is empty"),
        ("---\n---\n", 2, "it is empty"),
        ("a: [b", 2, "is not YAML: line 1, column 6"),
        ("\xff\xfe", 2, "is not YAML: it is not text"),
        ("- a", 2, "object 1: is no Kubernetes object, but a bare value"),
        ("kind: Job\nmetadata: {name: a}", 2, "object 1: apiVersion: is missing"),
        (JOB + "---\napiVersion: v1\n", 2, "object 2: kind: is missing"),
        (JOB.replace("{name: j1}", "text"), 2, "metadata: is missing"),
        (JOB.replace("name: j1", "labels: {}"), 2, "metadata.name: is missing"),
        (JOB.replace("Job", "Frob"), 5, "kind: 'Frob' of 'busbar.dev/v1alpha1' is not served"),
        (JOB.replace("name: j1", "name: j1, namespace: no"), 2, "write it in quotes"),
        (JOB.replace("name: j1", "name: j1, namespace: q"), 4, "`kubectl create namespace q`"),
    ],
    ids=range(12),
)
def test_what_is_wrong_with_a_manifest_is_one_sentence(
    busbar: Busbar, manifest: Manifest, text: str, code: int, sentence: str
) -> None:
    result = busbar("submit", manifest(text))
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1


def test_nothing_is_submitted_of_a_file_with_a_wrong_object(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    busbar("submit", manifest(f"{JOB}---\nkind: Job\n"))
    assert cloud.requests == []


def test_the_clouds_own_sentence_ends_a_refused_submit(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    cloud.refuse("PATCH", f"{JOBS}/j1", 403, "jobs is forbidden: members may touch only their own")
    result = busbar("submit", manifest(JOB))
    assert result == Result(5, "", "busbar: jobs is forbidden: members may touch only their own\n")


def test_watch_tells_each_phase_and_ends_well(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    running = {"phase": "Running", "node": "n1", "vendor": "elastx", "pricePerDTU": "0.04"}
    steps(cloud, "j1", running, running, running | {"phase": "Succeeded"})
    result = busbar("submit", "--watch", manifest(JOB))
    assert result.code == 0
    assert result.err.splitlines() == [
        "  Pending",
        "  Running on n1 of elastx at 0.04 €/DTU",
        "  Succeeded on n1 of elastx at 0.04 €/DTU",
    ]


def test_watch_goes_on_while_nothing_matches_and_says_so_once(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    waiting = {"phase": "Pending", "reason": "NoNodes", "message": "0 of 0 nodes match."}
    fewer = waiting | {"reason": "PriceAboveCap", "message": "0 of 3 nodes match."}
    steps(
        cloud, "j1", waiting, fewer, {"phase": "Expired", "reason": "Expired", "message": "Late."}
    )
    text = JOB.replace("image: a", "notAfter: 2030-01-01T00:00:00Z")
    result = busbar("submit", "--watch", manifest(text))
    assert result.code == 6
    assert "Pending: 0 of 0 nodes match." in result.err
    assert "Pending: 0 of 3 nodes match." in result.err
    assert result.err.count("Ctrl-C stops watching, not the job: `busbar -n xyz status j1`") == 1
    assert result.err.endswith("busbar: job j1 expired: Late.\n")


def test_watch_exits_7_when_the_job_ran_and_failed(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    steps(cloud, "j1", {"phase": "Failed", "startTime": "x", "message": "exit code 3"})
    result = busbar("submit", "--watch", manifest(JOB))
    assert result.code == 7
    assert result.err.endswith("busbar: job j1 failed: exit code 3\n")


def test_watch_follows_the_other_jobs_after_one_failed(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    steps(cloud, "j1", {"phase": "Failed", "startTime": "x"})
    steps(cloud, "j2", {"phase": "Succeeded"})
    result = busbar("submit", "--watch", manifest(f"{JOB}---\n{JOB.replace('j1', 'j2')}"))
    assert result.code == 7
    assert "  Succeeded\n" in result.err
    assert result.err.endswith("busbar: job j1 failed: no reason was given\n")


def test_watch_ends_when_the_job_is_deleted(
    busbar: Busbar, cloud: FakeCloud, manifest: Manifest
) -> None:
    cloud.events[JOBS] = [[{"type": "DELETED", "object": {"metadata": meta("j1")}}]]
    result = busbar("submit", "--watch", manifest(JOB))
    assert result.code == 4
    assert result.err.endswith("busbar: job j1 was deleted\n")


def test_watch_of_other_kinds_says_how_to_watch_them(busbar: Busbar, manifest: Manifest) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    result = busbar("submit", "--watch", manifest(text))
    assert result.code == 0
    assert "`kubectl get --watch`" in result.err
