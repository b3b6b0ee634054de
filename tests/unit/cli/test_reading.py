"""Every reading command prints the same data as table, JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result

Busbar = Callable[..., Result]
XYZ = f"{BUSBAR}/namespaces/xyz"

READING = (
    ("status",),
    ("status", "j1"),
    ("version",),
    ("agent", "list"),
    ("vendor",),
    ("offer",),
    ("market",),
    ("market", "--clearings", "3"),
    ("receipt", "j1"),
    ("account",),
    ("bucket",),
    ("image", "list"),
)


@pytest.fixture
def full(cloud: FakeCloud) -> FakeCloud:
    """A cloud with one of everything."""
    cloud.add(
        "/api/v1/nodes/n1",
        metadata={
            "labels": {"busbar.dev/vendor": "elastx", "topology.kubernetes.io/region": "Sweden"},
            "annotations": {"busbar.dev/speed-rating-micro": "1250000"},
        },
        status={
            "capacity": {"cpu": "4000m", "memory": str(8 << 30), "ephemeral-storage": str(9 << 30)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    )
    status = {"phase": "Running", "vendor": "elastx", "node": "n1", "pricePerDTU": "0.04"}
    cloud.add(f"{XYZ}/jobs/j1", spec={}, status=status | {"funnel": ["1 of 1 nodes match"]})
    cloud.add(f"{BUSBAR}/vendors/elastx", spec={"country": "SE"}, status={"nodes": 1})
    cloud.add(f"{BUSBAR}/offers/day", spec={"vendor": "elastx", "pricePerDTU": "0.04"})
    ask = {"offer": "day", "vendor": "elastx", "priceNano": 40_000_000, "freeCpuMilli": 2500}
    cloud.add(f"{BUSBAR}/books/sweden", status={"zone": "Sweden", "asks": [ask]})
    clearing = {"atMs": 1, "matched": 1, "unmatched": 0, "prices": {"Sweden": "0.04"}}
    cloud.add(f"{BUSBAR}/clearings/c1", status=clearing)
    cloud.add(
        f"{XYZ}/contracts/k1",
        spec={
            "order": {"name": "j1-abc", "uid": "p1", "ownerKind": "Job", "ownerName": "j1"},
            "vendor": "elastx",
            "node": "n1",
            "zone": "Sweden",
            "drawMicro": 1_000_000,
            "slots": [{"priceNano": 40_000_000}],
        },
        status={
            "startedMs": 1_000,
            "finishedMs": 3_601_000,
            "billedNano": 40_000_000,
            "vendorNano": 39_200_000,
            "feeNano": 800_000,
        },
    )
    cloud.add(f"{XYZ}/accounts/account", spec={}, status={"balance": "9.96"})
    cloud.add(f"{XYZ}/buckets/myjobs", spec={})
    return cloud


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_json_and_yaml_hold_the_same(
    busbar: Busbar, full: FakeCloud, command: tuple[str, ...]
) -> None:
    as_json, as_yaml = busbar(*command, "-o", "json"), busbar(*command, "-o", "yaml")
    assert (as_json.code, as_yaml.code, as_json.err) == (0, 0, "")
    assert json.loads(as_json.out) == yaml.safe_load(as_yaml.out)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("status",), "n1    elastx  Sweden  granted   Ready   4    8.0 GiB  9.0 GiB  1.25"),
        (("status", "j1"), "price:      0.04 €/DTU"),
        (("vendor",), "elastx  SE       1      0      -            0         0       0"),
        (("offer", "day"), "day   elastx  0.04       no         0"),
        (("market",), "Sweden  day    elastx  0.04   -      2.5"),
        (("market", "Sweden"), "nothing for sale"),
        (("market", "--clearings", "1"), "c1        2026-01-01  1        0          Sweden 0.04"),
        (
            ("receipt", "j1"),
            "0.04 € debited = 0.0392 € to vendors + 0.0008 € fee + 0 € rounding  ✓",
        ),
        (("account",), "xyz        9.96       0       0                   none"),
        (("bucket", "myjobs"), "myjobs  2026-01-01"),
    ],
    ids=str,
)
def test_tables_show_it(
    busbar: Busbar, full: FakeCloud, command: tuple[str, ...], shown: str
) -> None:
    result = busbar(*command)
    assert result.code == 0
    assert shown in result.out
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("status", "none"), 'jobs "none" not found'),
        (("logs", "none"), 'pods "none" not found'),
        (("receipt", "none"), "xyz/none has no contract: nothing was bought, nothing is billed"),
        (("offer", "none"), "make it with --vendor and --price, or -f FILE"),
        (("vendor", "none"), "register it with `busbar vendor none --country CC`"),
        (("market", "Nowhere"), "there is no zone Nowhere; known: Sweden"),
        (("bucket", "none"), "there is no bucket none in xyz; make it with --create"),
        (("account", "-n", "other"), "make it with `kubectl create namespace other`"),
        (("bucket", "-n", "other"), "make it with `kubectl create namespace other`"),
        (("bucket", "-n", "other", "--credentials"), "`kubectl create namespace other`"),
        (("token", "--member", "other"), "make it with `kubectl create namespace other`"),
        (("token", "--vendor-user", "none"), "`busbar vendor none --country CC`"),
        (("agent", "stop", "none"), "no agent none has joined here; known: none"),
        (("agent", "start", "none"), "no agent none has joined here; known: none"),
        (("verify-ledger",), "name the data directory of one"),
    ],
    ids=str,
)
def test_what_does_not_exist_exits_4_with_what_to_do(
    busbar: Busbar, full: FakeCloud, command: tuple[str, ...], sentence: str
) -> None:
    result = busbar(*command)
    assert (result.code, result.out) == (4, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1


def test_a_ledger_that_does_not_hold_is_what_status_says_first(
    busbar: Busbar, full: FakeCloud
) -> None:
    full.add("/money/v1/audit", holds=True, entries=7, findings=[])
    assert busbar("status").err == ""
    full.add("/money/v1/audit", holds=False, entries=7, findings=["entry 3 was changed"])
    result = busbar("status")
    assert result.code == 0
    assert "no money moves; see `busbar verify-ledger`: entry 3 was changed" in result.err
    full.refuse("GET", "/money/v1/audit", 403, "only an operator")
    assert busbar("status").err == ""


def test_an_empty_market_says_how_to_add_supply(busbar: Busbar) -> None:
    result = busbar("market")
    assert result.code == 0
    assert "`busbar token --vendor NAME --region REGION`" in result.err
    assert busbar("market", "-o", "json") == Result(0, "[]\n", "")


def test_a_cloud_without_machines_says_how_one_joins(busbar: Busbar) -> None:
    assert "then busbar join" in busbar("status").err


def test_a_member_sees_the_jobs_of_the_namespace(busbar: Busbar, full: FakeCloud) -> None:
    full.refuse("GET", "/api/v1/nodes", 403, "nodes is forbidden")
    result = busbar("status")
    assert (result.code, result.err) == (0, "")
    assert "xyz        j1   Running" in result.out
    assert "REGION" not in result.out


def test_a_job_without_a_match_exits_6(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add(
        f"{XYZ}/jobs/j1",
        status={"phase": "Pending", "reason": "PriceAboveCap", "message": "0 of 3 nodes match."},
    )
    result = busbar("status", "j1")
    assert result.code == 6
    assert result.err == "busbar: job j1: 0 of 3 nodes match.\n"


def test_a_failed_job_exits_7(busbar: Busbar, cloud: FakeCloud) -> None:
    status = {"phase": "Failed", "message": "exit code 3", "startTime": "2026-01-01T00:00:00Z"}
    cloud.add(f"{XYZ}/jobs/j1", status=status)
    assert busbar("status", "j1").code == 7


def test_images_are_listed_while_the_cloud_is_down(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.failure = ConnectionRefusedError(111, "Connection refused")
    assert busbar("image", "list").code == 0
    assert cloud.requests == []


def test_logs_come_as_they_are(busbar: Busbar, full: FakeCloud) -> None:
    full.objects[f"{XYZ}/jobs/j1"]["status"]["pod"] = "j1-abc"
    full.logs["/api/v1/namespaces/xyz/pods/j1-abc/log"] = b"one\n\xfftwo\n"
    result = busbar("logs", "j1", "--tail", "2", "-f")
    assert result.code == 0
    assert result.out.startswith("one\n")
    assert full.requests[-1][1].endswith("log?follow=true&tailLines=2")


def test_a_job_without_a_pod_has_no_log_yet(busbar: Busbar, full: FakeCloud) -> None:
    result = busbar("logs", "j1")
    assert result.code == 4
    assert "it has not been matched yet" in result.err


def test_a_bucket_shows_what_it_holds_and_where(busbar: Busbar, full: FakeCloud) -> None:
    held = {"objects": 3, "bytes": 3 * 2**30, "region": "Sweden", "storedBy": "elastx"}
    full.objects[f"{XYZ}/buckets/myjobs"]["status"] = held
    cells = busbar("bucket", "myjobs").out.splitlines()[1].split("  ")
    assert [cell.strip() for cell in cells if cell][2:] == ["3", "3 GiB", "Sweden (elastx)"]
