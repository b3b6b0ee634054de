"""From an accepted Pod to its running process: one node, image present.

Peers: `docker run` of the same image where Docker is installed; `runc run` alone, taken between
our starts, which says what the machine could do at that moment.

Begins when the API's answer "201 Created" is here, ends at the start time that the runtime noted
on the same machine's clock (`status.busbar.startedMs`). What lies between: the market, a durable
contract with its hold, the watch to the agent, sandbox, network, filesystem, runc.
"""

from __future__ import annotations

import time

from bench import docker, runc
from bench.cloud import NAMESPACE, BenchCloud, bench_cloud, build_image, pod
from bench.options import Unavailable
from bench.report import Row, at_most, percentile, shown

from busbar.images.reference import parse_reference
from busbar.images.store import ImageStore

GOAL_P50_MS = 50
COUNT = 30
IMAGE = "docker.io/library/busybox:latest"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BUSY = ["sleep", "600"]
UNPACKED_SECONDS = 60


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    ours, floor = [], []
    with bench_cloud() as cloud, runc.bundle() as run_alone:
        build_image(cloud, "busybox")
        cloud.join("bench-1")
        cloud.sell()
        cloud.open_namespace()
        _start_one(cloud, "first")
        for number in range(COUNT):
            ours.append(_start_one(cloud, f"p{number}"))
            floor.append(run_alone())
        peer, theirs = _docker(cloud)
    p50, p99 = (percentile(theirs, part) if theirs else None for part in (50, 99))
    added = [a - b for a, b in zip(ours, floor, strict=True)]
    return [
        at_most("start p50", percentile(ours, 50), "ms", GOAL_P50_MS, peer, p50),
        shown("start p99", percentile(ours, 99), "ms", peer, p99),
        shown(
            "start less runc p50", percentile(added, 50), "ms",
            "runc run true, alone", percentile(floor, 50),
        ),
    ]  # fmt: skip


def _start_one(cloud: BenchCloud, name: str) -> float:
    """Start a Pod, wait until it has gone again; gives the milliseconds it took to start."""
    # A machine that is idle between two starts is what a user meets.
    cloud.client.post(PODS, pod(name, IMAGE, BUSY))
    accepted_ms = time.time_ns() / 1e6
    started_ms = _started(cloud, name)
    cloud.client.delete(f"{PODS}/{name}")
    _gone(cloud, name)
    return float(started_ms - accepted_ms)


def _started(cloud: BenchCloud, name: str) -> float:
    for event in cloud.client.watch(
        PODS, fieldSelector=f"metadata.name={name}", timeoutSeconds=str(UNPACKED_SECONDS)
    ):
        status = event["object"].get("status") or {}
        started = (status.get("busbar") or {}).get("startedMs")
        if started is not None:
            return float(started)
        if status.get("phase") == "Failed":
            raise Unavailable(f"the Pod failed: {status.get('message')}")
    raise Unavailable(f"the Pod did not start within {UNPACKED_SECONDS} s")


def _gone(cloud: BenchCloud, name: str) -> None:
    found = cloud.client.get(PODS, fieldSelector=f"metadata.name={name}")
    if not found["items"]:
        return
    revision = found["metadata"]["resourceVersion"]
    query = {"resourceVersion": revision, "timeoutSeconds": "60"}
    for event in cloud.client.watch(PODS, fieldSelector=f"metadata.name={name}", **query):
        if event["type"] == "DELETED":
            return


def _docker(cloud: BenchCloud) -> tuple[str, list[float]]:
    """Measure the peer: what to call it, and its milliseconds."""
    try:
        with docker.daemon() as engine:
            archive = cloud.data / "busybox.tar"
            store = ImageStore(cloud.settings.images)
            store.export(parse_reference(IMAGE), archive, "docker-archive")
            engine.load(archive)
            engine.run_once(IMAGE, BUSY)
            return "docker run", [engine.run_once(IMAGE, BUSY) for _ in range(COUNT // 3)]
    except Unavailable as error:
        return str(error), []
