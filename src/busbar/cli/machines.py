"""Agents that run on this machine, each with a folder `nodes/NAME` in the data directory.

A node may live in a network namespace of its own (`--netns`), as the vendors of the quickstart
do: to the cloud it is then a machine like any other. Next: `supply.py`, the commands.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import NamedTuple

from busbar.cli import processes
from busbar.cli.errors import CliError, Exit
from busbar.cli.processes import Stopped

STOP_SECONDS = 40.0
"""An agent that drains gives its workloads their grace period first."""
MADE_NETNS = "made-netns"
"""Names a network namespace that goes with the node; one given by --netns is its owner's."""
_JOIN_CODES = {2: Exit.USAGE, 3: Exit.NOT_RUNNING}
"""What the joining process's own exit codes mean; anything else is a refusal."""
_NAME = re.compile(r"\A[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?\Z")


class Sizes(NamedTuple):
    """What a machine sells: thousandths of a cpu, bytes; 0, and None of disk: what is measured."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    ephemeral_bytes: int | None = None


def folder(data: Path, name: str) -> Path:
    """Give an agent's data directory."""
    return data / "nodes" / name


def pid_file(data: Path, name: str) -> Path:
    """Give an agent's pid file."""
    return folder(data, name) / "agent.pid"


def names(data: Path) -> list[str]:
    """Give the nodes of this machine that have joined."""
    return sorted(path.parent.name for path in (data / "nodes").glob("*/agent.json"))


def is_running(data: Path, name: str) -> bool:
    """Say whether an agent's process is there."""
    return processes.running_pid(pid_file(data, name)) is not None


def join(
    data: Path,
    name: str,
    server: str,
    token: str,
    sizes: Sizes,
    pod_cidr: str,
    netns: str | None,
) -> None:
    """Join a node whose agent will live on this machine.

    In a child process, since the network namespace to join from is a property of a process.
    """
    if not _NAME.match(name) or ".." in name:
        raise CliError(
            f"--name: {name!r} is not a host name; use a-z, 0-9, '-' and '.'", Exit.USAGE
        )
    if netns and not Path(f"/run/netns/{netns}").exists():
        raise CliError(
            f"--netns: there is no network namespace {netns}; `ip netns list` shows what there is",
            Exit.USAGE,
        )
    place = folder(data, name)
    is_new = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    command = [sys.executable, "-m", "busbar.agent.join", server, str(place), name]
    disk = "" if sizes.ephemeral_bytes is None else str(sizes.ephemeral_bytes)
    command += [str(sizes.cpu_milli), str(sizes.memory_bytes), disk]
    command += [pod_cidr, package_version("busbar")]
    if netns:
        (place / "netns").write_text(f"{netns}\n")
        command = ["nsenter", f"--net=/run/netns/{netns}", *command]
    done = subprocess.run(command, input=token, capture_output=True, text=True, check=False)
    if done.returncode:
        if is_new:
            shutil.rmtree(place, ignore_errors=True)
        lines = done.stderr.strip().splitlines() or ["joining failed"]
        raise CliError(lines[-1], _JOIN_CODES.get(done.returncode, Exit.REFUSED))


def start(data: Path, name: str) -> None:
    """Start an agent in the background; fine if it runs."""
    if is_running(data, name):
        return
    place = folder(data, name)
    (place / "drain").unlink(missing_ok=True)
    (place / "ready").unlink(missing_ok=True)
    processes.start(_agent_command(data, name), place / "agent.log", pid_file(data, name))
    ready = place / "ready"
    processes.wait_until(
        ready.exists, pid_file(data, name), place / "agent.log", f"the agent {name}", 60
    )


def _agent_command(data: Path, name: str) -> list[str]:
    """Give the command of an agent, in the network namespace where it belongs."""
    place = folder(data, name)
    command = [sys.executable, "-m", "busbar.agent", "--data", str(place)]
    netns = place / "netns"
    if not netns.exists():
        return command
    # nsenter, not `ip netns exec`: that would give the agent mounts of its own, which the machine
    # could then neither see nor clean up.
    return ["nsenter", f"--net=/run/netns/{netns.read_text().strip()}", *command]


def stop(data: Path, name: str, *, drain: bool) -> bool:
    """Stop an agent; with `drain` its workloads too, else they go on and are taken up again."""
    if drain and folder(data, name).exists():
        (folder(data, name) / "drain").touch()
    was_running = processes.stop(pid_file(data, name), seconds=STOP_SECONDS)
    if drain and not was_running and (folder(data, name) / "runtime").exists():
        # Its agent died before: what it ran must not stay behind.
        command = [*_agent_command(data, name), "--take-down"]
        subprocess.run(command, check=False, capture_output=True, timeout=60)
    return was_running


def stop_all(data: Path) -> list[str]:
    """Stop every agent of this machine and its workloads; gives the names of those that ran.

    All at once, so that several that hang do not add up.
    """
    known = names(data)
    for name in known:
        (folder(data, name) / "drain").touch()
    ends = processes.stop_all([pid_file(data, name) for name in known], STOP_SECONDS)
    words = {Stopped.ENDED: "", Stopped.KILLED: " (killed: its workloads may be left)"}
    return [
        f"agent {name}{words[end]}" for name, end in zip(known, ends, strict=True) if end in words
    ]


def make_network(name: str, bridge: str, host: str, address: str) -> None:
    """Make a network namespace that reaches this machine over a bridge: a machine beside it.

    `host` is the bridge's address with its prefix length, `address` the namespace's.
    """
    _ip(["link", "add", bridge, "type", "bridge"], unless=f"/sys/class/net/{bridge}")
    _ip(["addr", "replace", host, "dev", bridge])
    _ip(["link", "set", bridge, "up"])
    if not Path(f"/run/netns/{name}").exists():
        _ip(["netns", "add", name])
    _ip(["-n", name, "link", "set", "lo", "up"])
    outside = f"{bridge}v{host_part(address)}"[:15]
    if not Path(f"/sys/class/net/{outside}").exists():
        _ip(["link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name])
    _ip(["link", "set", outside, "master", bridge, "up"])
    _ip(["-n", name, "addr", "replace", address, "dev", "eth0"])
    _ip(["-n", name, "link", "set", "eth0", "up"])
    _ip(["-n", name, "route", "replace", "default", "via", host.partition("/")[0]])


def host_part(address: str) -> str:
    """Give the last number of an IPv4 address with its prefix length."""
    return address.partition("/")[0].rpartition(".")[2]


def remember_network(data: Path, name: str, netns: str, bridge: str) -> None:
    """Write down what `busbar down` has to remove again: before it is made, so none is missed."""
    place = folder(data, name)
    place.mkdir(parents=True, exist_ok=True)
    (place / MADE_NETNS).write_text(f"{netns}\n")
    (data / "nodes" / "bridge").write_text(f"{bridge}\n")


def remove_networks(data: Path) -> None:
    """Remove the network namespaces and the bridge that were made for nodes of this machine.

    One that cannot be removed does not keep the others; the first such is the error.
    """
    kept = data / "nodes" / "bridge"
    bridge = kept.read_text().strip() if kept.exists() else ""
    # Links first and by name: the kernel removes those of a namespace some time after it, and a
    # quickstart at once would take what is going for what is there.
    ports = sorted(Path(f"/sys/class/net/{bridge}/brif").glob(f"{bridge}v*")) if bridge else []
    commands = [["link", "del", port.name] for port in ports]
    for path in sorted((data / "nodes").glob(f"*/{MADE_NETNS}")):
        netns = path.read_text().strip()
        if Path(f"/run/netns/{netns}").exists():
            commands.append(["netns", "del", netns])
    if bridge and Path(f"/sys/class/net/{bridge}").exists():
        commands.append(["link", "del", bridge])
    failed = []
    for command in commands:
        try:
            _ip(command)
        except CliError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def mounts_below(directory: Path) -> list[str]:
    """Give the mount points below a directory, deepest first."""
    prefix = f"{directory}/"
    lines = Path("/proc/self/mounts").read_text().splitlines()
    found = [line.split()[1].replace("\\040", " ") for line in lines]
    return sorted((path for path in found if path.startswith(prefix)), reverse=True)


def _ip(arguments: list[str], unless: str = "") -> None:
    if unless and Path(unless).exists():
        return
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CliError(
            f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}; "
            "network namespaces need root and the kernel's veth and bridge",
            Exit.MACHINE,
        )
