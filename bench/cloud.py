"""A cloud of a benchmark's own: temporary data, spare ports, a network namespace for its node.

    with bench_cloud() as cloud:
        cloud.join("bench-1")
        cloud.client.post(...)

Whatever else runs on the machine is left alone; on leaving, everything made here is gone.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from bench.options import Unavailable

from busbar.cli import machines, processes
from busbar.cli.client import Client
from busbar.server import settings as server_settings

ROOT = Path(__file__).resolve().parents[1]
BRIDGE, NETNS, NETWORK = "bbbench0", "bb-bench", "10.214.78"
POD_CIDR = "10.97.0.0/16"
VENDOR, REGION = "elastx", "Sweden"
NAMESPACE = "bench"


class BenchCloud:
    """A running cloud."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.settings = server_settings.load(data)
        self.client = Client(self.settings.kubeconfig)

    def busbar(self, *arguments: str) -> str:
        """Run a `busbar` command on this cloud; gives what it printed."""
        return _busbar(self.data, *arguments)

    def pid(self) -> int:
        """Give the control plane's process."""
        return _pid(self.settings.pid_file)

    def join(self, node: str, cpu: int = 0) -> int:
        """Let a node join from a network namespace of its own; gives its agent's process."""
        machines.remember_network(self.data, node, NETNS, BRIDGE)
        machines.make_network(NETNS, BRIDGE, f"{NETWORK}.1/24", f"{NETWORK}.10/24")
        token = self.busbar("token", "--vendor", VENDOR, "--region", REGION).strip()
        size = ("--cpu", str(cpu or max(2, os.cpu_count() or 1)))
        url = f"https://{NETWORK}.1:{self.settings.api_port}"
        where = ("--netns", NETNS, "--pod-cidr", POD_CIDR)
        self.busbar("join", url, "--token", token, "--name", node, *size, *where)
        return _pid(machines.pid_file(self.data, node))

    def sell(self, price: str = "0.03") -> None:
        """Offer the vendor's nodes."""
        self.busbar("offer", "bench", "--vendor", VENDOR, "--price", price)

    def open_namespace(self, euro: str = "100000") -> None:
        """Make the consumer's namespace, with money."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self.client.post("/api/v1/namespaces", body)
        self.busbar("-n", NAMESPACE, "account", "--top-up", euro)

    def tls(self) -> ssl.SSLContext:
        """Give the operator's TLS context, from the kubeconfig that the cloud wrote."""
        config = yaml.safe_load(self.settings.kubeconfig.read_text())
        user = config["users"][0]["user"]
        context = ssl.create_default_context(cafile=str(self.settings.pki / "ca.pem"))
        with tempfile.NamedTemporaryFile() as pair:
            for field in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[field]) + b"\n")
            pair.flush()
            context.load_cert_chain(pair.name)
        return context


@contextlib.contextmanager
def bench_cloud(images: Path | None = None, **settings: Any) -> Iterator[BenchCloud]:
    """Start a cloud, with the images of an existing store where one is named; take it down.

    `settings` are those of `busbar.json` that differ from the defaults.
    """
    if os.geteuid() != 0:
        raise Unavailable("needs root, since it runs containers; run bench/run as root")
    data = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    ports = spare_ports(3)
    try:
        if images is not None:
            (data / "images").symlink_to(images)
        server_settings.save(server_settings.ServerSettings(data=str(data), **settings))
        machines.make_network(NETNS, BRIDGE, f"{NETWORK}.1/24", f"{NETWORK}.10/24")
        machines.remember_network(data, "none", NETNS, BRIDGE)
        names = ("--api-port", "--s3-port", "--s3-tls-port")
        chosen = [word for pair in zip(names, map(str, ports), strict=True) for word in pair]
        _busbar(data, "up", *chosen)
        yield BenchCloud(data)
    finally:
        with contextlib.suppress(Unavailable):
            _busbar(data, "down")
        machines.remove_networks(data)
        if not machines.mounts_below(data):
            shutil.rmtree(data, ignore_errors=True)


def build_image(cloud: BenchCloud, recipe: str) -> None:
    """Build an image of the project in the cloud's own store."""
    cloud.busbar("image", "build", str(ROOT / "images" / recipe))


def existing_store(name: str) -> Path | None:
    """Give the image store of the cloud on this machine if it has an image of that name."""
    from busbar.images.reference import parse_reference
    from busbar.images.store import ImageStore

    folder = server_settings.load(server_settings.data_directory()).images
    if not folder.exists():
        return None
    return folder if ImageStore(folder).find(parse_reference(name)) is not None else None


def memory_mb(pid: int) -> float:
    """Give a process's resident memory in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise Unavailable(f"process {pid} has no resident memory")


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pod(name: str, image: str, command: list[str], **requests: str) -> dict[str, Any]:
    """Give a Pod that is an order."""
    wanted = requests or {"cpu": "10m", "memory": "16Mi"}
    # As `docker run`: an image that is present is not asked for again, whatever its tag.
    container: dict[str, Any] = {"name": "main", "image": image, "command": command}
    container["imagePullPolicy"] = "IfNotPresent"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [{**container, "resources": {"requests": wanted}}],
        },
    }


def _busbar(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "busbar", "--data", str(data), *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["no reason given"]
        raise Unavailable(words[-1])
    return done.stdout


def _pid(file: Path) -> int:
    pid = processes.running_pid(file)
    if pid is None:
        raise Unavailable(f"{file} names no running process")
    return pid


def spare_ports(count: int) -> list[int]:
    """Give free ports, all different: held together, then let go."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket())
            probe.bind(("", 0))
            found.append(int(probe.getsockname()[1]))
        return found
