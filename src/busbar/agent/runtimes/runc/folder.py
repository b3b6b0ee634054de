"""What the folder of a container says: how it is, whether it lives, what it finds in /etc.

Next: `engines.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from busbar.agent.runtimes.contract import ContainerSpec, ContainerStatus

UNKNOWN_EXIT = 255


def status_in(folder: Path, boot: str) -> ContainerStatus | None:
    """Give a container as it is now; None where it was never started. `boot`: the present one."""
    order, start = read_json(folder / "shim.json"), read_json(folder / "start.json")
    if order is None or start is None:
        return None
    pod_uid = folder.parent.parent.name
    end = read_json(folder / "exit.json")
    if end is None and is_alive(start, boot):
        return ContainerStatus(folder.name, pod_uid, order["name"], "running", start["startedMs"])
    if end is None:
        # The machine was restarted, or the shim was killed: when it ended, nobody saw.
        end = {"exitCode": UNKNOWN_EXIT, "finishedMs": None, "oom": False}
    return ContainerStatus(
        folder.name,
        pod_uid,
        order["name"],
        "exited",
        start["startedMs"],
        end["finishedMs"],
        end["exitCode"],
        "OOMKilled" if end["oom"] and end["exitCode"] else "",
    )


def is_alive(start: dict[str, Any], boot: str) -> bool:
    """Say whether the process beside a container lives: what `start.json` names."""
    if start["boot"] != boot:
        return False
    try:
        # With the time of its birth: pids are used again.
        return bool(_born(start["shim"]) == start["shimBorn"])
    except (OSError, KeyError):
        return False


def _born(pid: int) -> int:
    """Give when a process began, in ticks since boot."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


async def process_end(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def etc_mounts(spec: ContainerSpec, folder: Path) -> list[dict[str, Any]]:
    """Write the files of /etc that the agent makes, and give their mounts."""
    taken = {mount.target for mount in spec.mounts}
    mounts = []
    for name, text in spec.etc.items():
        if f"/etc/{name}" in taken:
            continue
        path = folder / name
        path.write_text(text)
        path.chmod(0o644)
        options = ["bind", "rprivate", "nosuid", "nodev", "noexec"]
        mounts.append(
            {"destination": f"/etc/{name}", "type": "bind", "source": str(path), "options": options}
        )
    return mounts


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file of the folder; None where it is missing or torn."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found
