"""A receipt shows the contracts of one job, not those of its namesakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result

Busbar = Callable[..., Result]
XYZ = f"{BUSBAR}/namespaces/xyz"


def job(cloud: FakeCloud, uid: str, made: str, path: str = f"{XYZ}/jobs/j") -> None:
    cloud.add(path, metadata={"uid": uid, "creationTimestamp": made}, spec={}, status={})


def contract(
    cloud: FakeCloud, name: str, made: str, owner_uid: str = "", *, pod: str = "", nano: int = 100
) -> None:
    """A contract as the market makes it; without `owner_uid` as it was made in former times."""
    order = {"name": pod or f"j-{name}", "uid": f"pod-{name}"}
    if not pod:
        order |= {"ownerApiVersion": "busbar.dev/v1alpha1", "ownerKind": "Job", "ownerName": "j"}
    if owner_uid:
        order["ownerUid"] = owner_uid
    cloud.add(
        f"{XYZ}/contracts/{name}",
        metadata={"creationTimestamp": made},
        spec={
            "order": order,
            "vendor": "elastx",
            "node": "n1",
            "zone": "Sweden",
            "drawMicro": 1_000_000,
            "slots": [{"startMs": 0, "priceNano": 1}],
        },
        status={"billedNano": nano, "vendorNano": nano, "phase": "Closed"},
    )


def shown(busbar: Busbar, *options: str, name: str = "j") -> dict[str, Any]:
    result = busbar("receipt", name, *options, "-o", "json")
    assert result.code == 0, result.err
    document: dict[str, Any] = json.loads(result.out)
    return document


def names(document: dict[str, Any]) -> list[str]:
    return [item["contract"] for item in document["contracts"]]


def test_a_job_made_again_does_not_pay_for_its_namesake(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "second", "2026-02-01T00:00:00Z")
    contract(cloud, "a", "2026-01-01T00:00:00Z", "first", nano=7)
    contract(cloud, "b", "2026-02-01T00:00:05Z", "second", nano=100)
    found = shown(busbar)
    assert names(found) == ["b"]
    assert (found["total"]["debit"], found["earlier"]) == ("0.0000001", 1)
    assert "1 contract of earlier bearers of the name j not counted" in busbar("receipt", "j").err


def test_all_shows_the_earlier_ones_in_their_order(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "second", "2026-02-01T00:00:00Z")
    contract(cloud, "b", "2026-01-01T00:00:00Z", "first")
    contract(cloud, "a", "2026-02-01T00:00:05Z", "second")
    assert names(shown(busbar, "--all")) == ["b", "a"]
    table = busbar("receipt", "j", "--all")
    assert table.out.startswith("MADE")
    assert table.err == ""


def test_every_retry_of_a_job_is_its_own(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "only", "2026-02-01T00:00:00Z")
    contract(cloud, "a", "2026-02-01T00:00:05Z", "only")
    contract(cloud, "b", "2026-02-01T00:01:00Z", "only")
    assert names(shown(busbar)) == ["a", "b"]


def test_contracts_without_their_owners_uid_count_from_the_jobs_birth(
    busbar: Busbar, cloud: FakeCloud
) -> None:
    job(cloud, "second", "2026-02-01T00:00:00Z")
    contract(cloud, "a", "2026-01-31T23:59:59Z")
    contract(cloud, "b", "2026-02-01T00:00:05Z")
    assert names(shown(busbar)) == ["b"]


def test_a_deleted_jobs_last_life_is_shown(busbar: Busbar, cloud: FakeCloud) -> None:
    contract(cloud, "a", "2026-01-01T00:00:00Z", "first")
    contract(cloud, "b", "2026-02-01T00:00:05Z", "second")
    contract(cloud, "c", "2026-02-01T00:01:05Z", "second")
    assert names(shown(busbar)) == ["b", "c"]


def test_a_job_without_a_match_yet_owes_nothing(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "second", "2026-02-01T00:00:00Z")
    contract(cloud, "a", "2026-01-01T00:00:00Z", "first")
    result = busbar("receipt", "j")
    assert (result.code, result.out) == (4, "")
    assert "has no contract" in result.err
    assert "see --all" in result.err


@pytest.mark.parametrize("api", ["/apis/batch/v1/namespaces/xyz/jobs/j", f"{XYZ}/jobs/j"])
def test_a_batch_job_has_a_receipt_as_well(busbar: Busbar, cloud: FakeCloud, api: str) -> None:
    job(cloud, "second", "2026-02-01T00:00:00Z", api)
    contract(cloud, "a", "2026-01-01T00:00:00Z", "first")
    contract(cloud, "b", "2026-02-01T00:00:05Z", "second")
    assert names(shown(busbar)) == ["b"]


def test_a_pod_is_asked_for_by_its_name(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add("/api/v1/namespaces/xyz/pods/p", metadata={"uid": "pod-b"})
    contract(cloud, "a", "2026-01-01T00:00:00Z", pod="p")
    contract(cloud, "b", "2026-02-01T00:00:05Z", pod="p")
    assert names(shown(busbar, name="p")) == ["b"]


def served(cloud: FakeCloud, name: str, made: str, owner: str, nano: int) -> None:
    """A contract of a service's Pod."""
    contract(cloud, name, made, f"uid-{owner}", pod=f"{owner}-{name}", nano=nano)
    order = cloud.objects[f"{XYZ}/contracts/{name}"]["spec"]["order"]
    order |= {"ownerApiVersion": "apps/v1", "ownerKind": "ReplicaSet", "ownerName": owner}


def test_a_deployments_receipt_is_that_of_all_its_templates(
    busbar: Busbar, cloud: FakeCloud
) -> None:
    deployments = "/apis/apps/v1/namespaces/xyz/deployments"
    job(cloud, "d", "2026-02-01T00:00:00Z", f"{deployments}/web")
    served(cloud, "before", "2026-01-01T00:00:00Z", "web-bcdfghjklm", 1)
    served(cloud, "old", "2026-02-01T00:00:05Z", "web-bcdfghjklm", 20)
    served(cloud, "new", "2026-02-02T00:00:05Z", "web-mlkjhgfdcb", 300)
    served(cloud, "other", "2026-02-02T00:00:05Z", "web-api-mlkjhgfdcb", 4000)
    found = shown(busbar, name="web")
    assert names(found) == ["old", "new"]
    assert found["total"]["debit"] == "0.00000032"
    assert names(shown(busbar, name="web-mlkjhgfdcb")) == ["new"]
    assert names(shown(busbar, "--all", name="web")) == ["before", "old", "new"]


def test_a_late_withdrawal_is_a_line_of_its_own(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "first", "2026-01-01T00:00:00Z")
    contract(cloud, "a", "2026-01-01T00:00:05Z", "first", nano=7_000_000)
    cloud.objects[f"{XYZ}/contracts/a"]["status"]["withdrawalNano"] = 6_000_000
    found = shown(busbar)
    assert (found["total"]["compute"], found["total"]["withdrawal"]) == ("0.001", "0.006")
    told = busbar("receipt", "j").out
    assert "a: withdrawn late: 0.006 €" in told
    assert "0.001 € compute + 0.006 € withdrawn late" in told


def test_data_that_was_moved_is_a_line_of_its_own(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "first", "2026-01-01T00:00:00Z")
    contract(cloud, "a", "2026-01-01T00:00:05Z", "first", nano=7_000_000)
    made = cloud.objects[f"{XYZ}/contracts/a"]
    made["spec"]["transfer"] = {"region": "Germany", "readNano": 500_000}
    made["status"]["transfer"] = {"readBytes": 12 * 1024**3, "billedNano": 6_000_000}
    found = shown(busbar)
    assert found["total"]["debit"] == "0.007"
    assert (found["total"]["compute"], found["total"]["egress"]) == ("0.001", "0.006")
    told = busbar("receipt", "j").out
    assert "a: read 12 GiB from Germany, wrote 0 MiB to it: 0.006 €" in told
    assert "0.001 € compute + 0.006 € moving data" in told


def test_what_was_weighed_is_shown_beside_what_is_billed(busbar: Busbar, cloud: FakeCloud) -> None:
    job(cloud, "first", "2026-01-01T00:00:00Z")
    contract(cloud, "a", "2026-01-01T00:00:05Z", "first", nano=7_000_000)
    contract(cloud, "b", "2026-01-01T00:01:05Z", "first", nano=1_000_000)
    spec = cloud.objects[f"{XYZ}/contracts/a"]["spec"]
    spec["transfer"] = {"region": "Germany", "readNano": 500_000, "readBytes": 12 * 1024**3}
    spec["weighed"] = {
        "dataNano": 6_000_000,
        "imageMs": 30_000,
        "imageBytes": 1_500_000_000,
        "imageNano": 333_333,
        "restartMs": 30_000,
        "restartNano": 333_333,
    }
    first, second = shown(busbar)["contracts"]
    assert (first["weighed"]["image"], first["weighed"]["imageMs"]) == ("0.000333333", 30_000)
    assert (first["weighed"]["data"], first["weighed"]["move"]) == ("0.006", None)
    assert second["weighed"] is None
    assert shown(busbar)["total"]["debit"] == "0.008"
    told = busbar("receipt", "j").out
    assert (
        "a: weighed, not billed:\n"
        "  12 GiB to read and 0 MiB to write, as 0.006 €\n"
        "  30s to fetch its image (1.3 GiB), as 0.000333333 €\n"
        "  30s to start anew where it was not before, as 0.000333333 €\n"
    ) in told
    assert "b: weighed" not in told


def test_a_moved_service_says_why(busbar: Busbar, cloud: FakeCloud) -> None:
    contract(cloud, "b", "2026-01-01T00:01:05Z", pod="p")
    cloud.add("/api/v1/namespaces/xyz/pods/p", metadata={"uid": "pod-b"})
    move = {
        "why": "Cheaper",
        "pod": "web-1",
        "contract": "web-1-x",
        "savingNano": 240_000_000,
        "disruptionNano": 50_000_000,
        "threshold": 2,
    }
    cloud.objects[f"{XYZ}/contracts/b"]["spec"]["weighed"] = {"move": move}
    (item,) = shown(busbar, name="p")["contracts"]
    assert item["weighed"]["move"] == {
        "why": "Cheaper",
        "pod": "web-1",
        "contract": "web-1-x",
        "saving": "0.24",
        "disruption": "0.05",
        "threshold": 2,
        "times": "4.8",
    }
    told = busbar("receipt", "p").out
    assert (
        "b: weighed, not billed:\n"
        "  moved here from web-1-x: to save 0.24 € in a day,\n"
        "  4.8 times what moving costs (0.05 €); the threshold was 2\n"
    ) in told
    move |= {"why": "PlaceEnds", "savingNano": 0, "disruptionNano": 0}
    assert "  moved here from web-1-x: its place there ended\n" in busbar("receipt", "p").out
