"""Use and advice on a running cloud: what containers use is seen with kubectl top."""

from __future__ import annotations

import json
import time

from tests.e2e.cloud.conftest import Cloud


def test_kubectl_top_sees_a_container_that_is_busy(cloud: Cloud) -> None:
    cloud.job("busy", command=["sh", "-c", "while :; do :; done"])
    pod = cloud.until("busy", "phase", "Running")["pod"]
    end = time.monotonic() + 90
    while True:
        shown = cloud.kubectl("-n", "xyz", "top", "pod", pod, "--no-headers", code=None).split()
        if len(shown) == 3 and shown[0] == pod and int(shown[1].removesuffix("m")) > 100:
            break
        assert time.monotonic() < end, shown
    nodes = [line.split()[0] for line in cloud.kubectl("top", "node", "--no-headers").splitlines()]
    assert cloud.status("busy")["node"] in nodes
    cloud.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", "busy")


def test_advice_is_listed_with_the_command_line_and_kubectl(cloud: Cloud) -> None:
    listed = json.loads(cloud.busbar("advice", "-n", "xyz", "-o", "json").stdout)
    same = cloud.get("-n", "xyz", "advices")["items"]
    assert {one["metadata"]["name"] for one in listed} <= {o["metadata"]["name"] for o in same}
