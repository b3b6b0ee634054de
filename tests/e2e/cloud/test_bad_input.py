"""Everything a consumer can get wrong has its own reason, costs nothing, leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.cloud.conftest import Cloud

from busbar.cli.errors import Exit

SH = ["sh", "-c"]

NEVER_RUN: dict[str, tuple[dict[str, Any], str, str]] = {
    "no-region": ({"restrictions": {"region": "Atlantis"}}, "RegionNotAllowed", "Atlantis"),
    "no-vendor": ({"restrictions": {"vendor": ["elastxx"]}}, "UnknownVendor", "elastxx"),
    "low-cap": ({"maxEuroPerDTU": "0.001"}, "PriceAboveCap", "0.001"),
    "too-big": ({"resources": {"cpu": "1", "memory": "900Gi"}}, "NotEnoughMemory", "memory"),
    "no-image": ({"image": "docker.io/library/nosuch"}, "ImageNotFound", "nosuch"),
    "no-script": ({"scriptPath": "/myjobs/spark/nosuch.py"}, "ScriptNotFound", "spark/nosuch.py"),
    "no-bucket": ({"scriptPath": "/nosuch/x.sh"}, "BucketNotFound", "nosuch"),
}


@pytest.mark.parametrize("name", NEVER_RUN)
def test_what_cannot_run_says_why_and_costs_nothing(cloud: Cloud, name: str) -> None:
    spec, reason, word = NEVER_RUN[name]
    command = {} if "scriptPath" in spec else {"command": [*SH, "true"]}
    cloud.job(name, **command, **spec)
    status = cloud.until(name, "reason", reason)
    assert word in status["message"]
    assert float(status.get("cost") or 0) == 0
    said = cloud.busbar("-n", "xyz", "status", name, code=Exit.NO_MATCH)
    assert reason in said.stdout
    assert reason in cloud.kubectl("-n", "xyz", "describe", "jobs.busbar.dev", name)
    cloud.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", name)


@pytest.mark.parametrize(
    ("name", "command", "memory", "reason", "code"),
    [
        ("exit-code", "exit 3", "256Mi", "ExitCode", 3),
        ("out-of-memory", "tail /dev/zero", "32Mi", "OOMKilled", 137),
    ],
)
def test_what_fails_says_how_and_is_billed_for_what_ran(
    cloud: Cloud, name: str, command: str, memory: str, reason: str, code: int
) -> None:
    cloud.job(name, command=[*SH, command], resources={"cpu": "500m", "memory": memory})
    status = cloud.until(name, "phase", "Failed")
    assert status["reason"] == reason
    assert status["exitCode"] == code
    cloud.busbar("-n", "xyz", "status", name, code=Exit.JOB_FAILED)
    assert "✓" in cloud.busbar("-n", "xyz", "receipt", name).stdout


def test_an_empty_account_buys_nothing(cloud: Cloud) -> None:
    cloud.kubectl("create", "namespace", "poor")
    manifest = (
        '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"poor"},'
        '"spec":{"containers":[{"name":"c","image":"busybox","command":["true"]}]}}'
    )
    cloud.kubectl("apply", "-f", "-", text=manifest)
    cloud.kubectl(
        "-n", "poor", "wait", "--for=condition=PodScheduled=false", "pod/p", "--timeout=30s"
    )
    pod = cloud.get("-n", "poor", "pod", "p")
    said = next(c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled")
    assert said["reason"] == "InsufficientFunds"
    cloud.kubectl("delete", "namespace", "poor")


def test_prices_that_are_no_prices_are_refused_with_their_field(cloud: Cloud) -> None:
    for price in ("-1", "NaN", "1e400", "0.0000000001", "ten"):
        said = cloud.run(
            "kubectl", "apply", "-f", "-", code=None,
            text='{"apiVersion":"busbar.dev/v1alpha1","kind":"Job","metadata":{"name":"price",'
            f'"namespace":"xyz"}},"spec":{{"image":"x","maxEuroPerDTU":"{price}"}}}}',
        )  # fmt: skip
        assert said.returncode == 1
        assert "spec.maxEuroPerDTU" in said.stderr


def test_a_second_cloud_on_the_same_data_is_refused_in_one_sentence(cloud: Cloud) -> None:
    said = cloud.run("python", "-m", "busbar.server", "--data", str(cloud.data), code=1)
    assert len(said.stderr.strip().splitlines()) == 1
    assert "Traceback" not in said.stderr


def test_a_port_in_use_is_named(cloud: Cloud, tmp_path: object) -> None:
    said = cloud.busbar("--data", f"{tmp_path}", "up", "--api-port", "27443", code=9)
    assert "27443" in said.stderr
    assert "--api-port" in said.stderr
