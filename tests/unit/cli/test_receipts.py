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
