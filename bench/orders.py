"""From an accepted order to its durable contract: at a steady thousand a second, at three thousand.

The cloud is whole but for its machines: the nodes are objects with leases, made by the operator,
and nobody starts what is bound to them. Orders arrive on a schedule that does not wait for
answers; a contract counts when a watcher hears of it, which is after it was made durable, so the
way of the watch is part of the number. The processor time an order costs the exchange is shown
too: it says more than the rate where others use the machine. Three thousand a second are measured
twice: with the control plane alone, and with an HTTP worker before it (`api_workers`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any

import orjson
import uvloop
from bench.cloud import NAMESPACE, REGION, VENDOR, BenchCloud, bench_cloud, cpu_seconds, pod
from bench.options import Unavailable
from bench.published import MATCHING, PLAIN
from bench.report import Row, at_least, at_most, percentile, shown

from busbar.model.time import format_instant

SECONDS = 4
RATES = ((1_000, 100, 0), (3_000, 200, 0), (3_000, 200, 1))
"""Orders a second; the goal: ms until the contract is durable, p99; HTTP workers."""
NODES = 150
CONNECTIONS = 192
"""An answer takes some 25 to 60 ms, since it waits for the disk: at 3,000/s up to 180 orders are on
their way. With fewer connections their number would set the pace, and not the schedule."""
DRAIN_SECONDS = 30.0
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CONTRACTS = f"/apis/busbar.dev/v1alpha1/namespaces/{NAMESPACE}/contracts"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    return [row for measured in RATES for row in _rows(*measured)]


def _rows(rate: int, goal_ms: int, workers: int) -> list[Row]:
    with bench_cloud(api_workers=workers) as cloud:
        _supply(cloud)
        cloud.open_namespace("10000000")
        port, tls = cloud.settings.api_port, cloud.tls()
        before = _spent(cloud)
        accepted, made, late, answered = uvloop.run(_measure(port, tls, rate))
        spent = [after - then for after, then in zip(_spent(cloud), before, strict=True)]
    missing = len(accepted) - sum(name in made for name in accepted)
    if missing:
        raise Unavailable(f"{missing} of {len(accepted)} orders had no contract in time")
    waits = [max(0.0, made[name] - at) * 1000 for name, at in accepted.items()]
    span = max(made[name] for name in accepted) - min(accepted.values())
    at = f"at {rate:,}/s" + (", a worker" if workers else "")
    return [
        at_most(f"order to contract p99, {at}", percentile(waits, 99), "ms", goal_ms)._replace(
            note=MATCHING
        ),
        shown(f"order to contract p50, {at}", percentile(waits, 50), "ms"),
        at_least(f"orders matched, {at}", len(accepted) / span, "1/s", rate * 0.95)._replace(
            note=PLAIN
        ),
        *(
            shown(f"CPU of {whose} an order, {at}", seconds / len(accepted) * 1000, "ms")
            for whose, seconds in zip(("the exchange", "its worker"), spent, strict=False)
        ),
        shown(f"answer to the order p99, {at}", percentile(answered, 99) * 1000, "ms"),
        shown(f"the load's own delay p99, {at}", percentile(late, 99) * 1000, "ms"),
    ]


def _spent(cloud: BenchCloud) -> list[float]:
    """Give the processor time of the control plane and of its workers so far, in seconds."""
    pid = cloud.pid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [cpu_seconds(process) for process in (pid, *map(int, children))]


def _supply(cloud: BenchCloud) -> None:
    """Make nodes that nobody stands behind, and sell them."""
    vendor = {"apiVersion": "busbar.dev/v1alpha1", "kind": "Vendor", "metadata": {"name": VENDOR}}
    cloud.client.post("/apis/busbar.dev/v1alpha1/vendors", {**vendor, "spec": {"country": "SE"}})
    for number in range(NODES):
        name = f"bench-{number}"
        cloud.client.post("/api/v1/nodes", _node(name))
        body = {"capacity": _SIZE, "allocatable": _SIZE}
        cloud.client.merge(f"/api/v1/nodes/{name}/status", {"status": body})
        cloud.client.post(LEASES, _lease(name))
    cloud.sell()


_SIZE = {"cpu": "64", "memory": "256Gi", "pods": "250"}


def _node(name: str) -> dict[str, Any]:
    labels = {"topology.kubernetes.io/region": REGION, "busbar.dev/vendor": VENDOR}
    annotations = {"busbar.dev/speed-rating-micro": "1000000"}
    meta = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {}}


def _lease(name: str) -> dict[str, Any]:
    now = format_instant(time.time_ns() // 1_000_000).removesuffix("Z").partition(".")[0]
    spec = {
        "holderIdentity": name,
        "leaseDurationSeconds": 300,
        "renewTime": f"{now}.000000Z",
    }
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": spec,
    }


async def _measure(
    port: int, tls: ssl.SSLContext, rate: int
) -> tuple[dict[str, float], dict[str, float], list[float], list[float]]:
    """Give when each order was accepted and its contract heard of; the load's delays, the answers'.

    All in seconds.
    """
    made: dict[str, float] = {}
    count = rate * SECONDS
    watching = asyncio.create_task(_watch(port, tls, made, count))
    accepted: dict[str, float] = {}
    late, answered = list[float](), list[float]()
    bodies = [_body(number) for number in range(count)]
    connections = [
        await asyncio.open_connection("127.0.0.1", port, ssl=tls) for _ in range(CONNECTIONS)
    ]
    begin = time.perf_counter() + 0.5
    numbers = iter(range(count))

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in numbers:
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            late.append(max(0.0, sent - due))
            writer.write(bodies[number])
            await _answer(reader)
            accepted[f"o{number}"] = time.perf_counter()
            answered.append(accepted[f"o{number}"] - sent)

    await asyncio.gather(*(work(*connection) for connection in connections))
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await watching
    except TimeoutError:
        watching.cancel()
    for _, writer in connections:
        writer.close()
    return accepted, made, late, answered


def _body(number: int) -> bytes:
    order = pod(f"o{number}", "docker.io/library/busybox:latest", ["true"])
    body = orjson.dumps(order)
    head = (
        f"POST {PODS} HTTP/1.1\r\nhost: busbar\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 201"):
        raise Unavailable(f"an order was refused: {body[:200].decode(errors='replace')}")


async def _watch(port: int, tls: ssl.SSLContext, made: dict[str, float], count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=2**24)
    writer.write(f"GET {CONTRACTS}?watch=1 HTTP/1.1\r\nhost: busbar\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            at = time.perf_counter()
            if not line.startswith(b'{"type":"ADDED"'):
                continue
            event = orjson.loads(line)
            order = event["object"]["spec"]["order"]
            made.setdefault(order["name"], at)
            if len(made) >= count:
                return
    finally:
        writer.close()
