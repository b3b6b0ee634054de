"""What a workload reads from its bucket is metered, billed apart, and counts in where it goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.e2e.cloud.conftest import Cloud

OFFER = "elastx-standard"
READS = "cat /myjobs/data/* | wc -c; mkdir -p /myjobs/out && echo done > /myjobs/out/read"
TRANSFER = {"ingress": {"otherRegion": "0.5"}, "egress": {"otherRegion": "0.25"}}


@pytest.fixture
def priced(cloud: Cloud) -> Iterator[Cloud]:
    """elastx asks for data that comes from abroad; the cloud keeps its buckets in Germany."""
    _patch(cloud, TRANSFER)
    yield cloud
    _patch(cloud, None)


def _patch(cloud: Cloud, transfer: object) -> None:
    patch = json.dumps({"spec": {"transfer": transfer}})
    cloud.kubectl("patch", "offer", OFFER, "--type=merge", "-p", patch)


def bucket_bytes(cloud: Cloud, more_than: int) -> int:
    """Wait until the bucket says how much it holds."""
    end = time.monotonic() + 60
    while True:
        status = cloud.get("-n", "xyz", "buckets", "myjobs")["status"]
        if int(status.get("bytes") or 0) > more_than:
            assert status["region"] == "Germany"
            return int(status["bytes"])
        assert time.monotonic() < end, status


def test_data_read_from_abroad_is_a_line_of_its_own(priced: Cloud) -> None:
    held = bucket_bytes(priced, 60_000_000)
    wanted = {
        "command": ["sh", "-ec", READS],
        "buckets": ["myjobs"],
        "restrictions": {"vendor": "elastx"},
    }
    priced.job("reads", **wanted)
    assert priced.until("reads", "phase", "Succeeded", "Failed")["phase"] == "Succeeded"
    priced.until("reads", "reason", "Completed")
    end = time.monotonic() + 60
    while (item := receipt(priced, "reads"))["closed"] != "Completed":
        assert time.monotonic() < end, item
    assert 60_000_000 < item["readBytes"] < 2 * held
    assert 0 < item["writtenBytes"] < 100_000
    due = Decimal(item["readBytes"]) / 2**30 / 2
    assert abs(Decimal(item["egress"]) - due) < Decimal("0.0001")
    assert Decimal(item["compute"]) + Decimal(item["egress"]) == Decimal(item["debit"])
    weighed = item["weighed"]
    assert weighed["expectedReadBytes"] >= held
    assert Decimal(weighed["data"]) >= Decimal(held) / 2**30 / 2 - Decimal("0.000000001")
    told = priced.busbar("receipt", "reads", "-n", "xyz").stdout
    assert "weighed, not billed:" in told
    assert "€ moving data" in told
    assert "the ledger holds" in priced.busbar("verify-ledger").stdout


def receipt(cloud: Cloud, name: str) -> dict[str, Any]:
    found = json.loads(cloud.busbar("receipt", name, "-n", "xyz", "-o", "json").stdout)
    (item,) = found["contracts"]
    assert found["total"]["agrees"]
    return dict(item)


def test_a_cap_on_it_is_heeded_before_anything_moves(priced: Cloud) -> None:
    wanted = {
        "command": ["true"],
        "buckets": ["myjobs"],
        "restrictions": {"vendor": "elastx"},
        "maxEgressEuro": "0.001",
    }
    priced.job("frugal", **wanted)
    status = priced.until("frugal", "reason", "EgressAboveCap")
    assert "to which moving its data costs more than 0.001 €" in status["message"]
    priced.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", "frugal")


def test_nodes_list_the_images_that_they_hold(priced: Cloud) -> None:
    end = time.monotonic() + 60
    while True:
        images = priced.get("node", "elastx-1")["status"].get("images") or []
        names = {name for image in images for name in image["names"]}
        if "busybox:latest" in names:
            break
        assert time.monotonic() < end, names
    assert all(image["sizeBytes"] > 0 for image in images)
