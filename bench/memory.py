"""Resident memory of a cloud that has nothing to do: the control plane, and one agent.

The agent's shim (the small process that holds containers, so that the agent may restart) is shown
beside it, since it is there for as long as the node is.
"""

from __future__ import annotations

import time
from pathlib import Path

from bench.cloud import bench_cloud, memory_mb
from bench.report import Row, at_most, shown

CONTROL_PLANE_MB = 120
AGENT_MB = 50
SETTLE_SECONDS = 5.0


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    with bench_cloud() as cloud:
        agent = cloud.join("bench-1")
        cloud.sell()
        cloud.open_namespace()
        time.sleep(SETTLE_SECONDS)
        control_plane = memory_mb(cloud.pid())
        node = memory_mb(agent)
        shims = [memory_mb(pid) for pid in _below(cloud.data)]
    return [
        at_most("memory, control plane", control_plane, "MB", CONTROL_PLANE_MB),
        at_most("memory, one agent", node, "MB", AGENT_MB),
        shown("memory, its shim", sum(shims), "MB"),
    ]


def _below(data: Path) -> list[int]:
    """Give the shims that serve a data directory's agents."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            here = str(data).encode() in command or _tag_of(data) in command
        except OSError:
            continue
        if b"shim.py" in command and here:
            found.append(int(folder.name))
    return found


def _tag_of(data: Path) -> bytes:
    from busbar.agent.network.plan import tag_of

    directory = data / "nodes" / "bench-1" / "runtime"
    return f"/run/busbar/{tag_of(str(directory))}/".encode()
