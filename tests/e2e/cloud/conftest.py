"""A whole cloud on this machine: the main job is its set-up, and its first test.

`./quickstart`'s own story brings up the control plane, three vendors in network namespaces, the
Spark image, a namespace and its bucket. The other tests use that cloud as users would, with
kubectl, aws and busbar, and its end checks that nothing is left on the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busbar.agent.network.plan import tag_of
from busbar.server.settings import ServerSettings, save

ROOT = Path(__file__).parents[3]
SECONDS = 120


class Cloud:
    """A running cloud and the tools to use it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environment = {
            **os.environ,
            "BUSBAR_DATA": str(data),
            "KUBECONFIG": str(data / "kubeconfig"),
            "PATH": f"{ROOT / '.venv' / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        self.story = ""

    def run(
        self, *command: str, code: int | None = 0, text: str = "", seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; fails the test where its exit code is another."""
        done = subprocess.run(
            command,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{command}: {done.stdout}\n{done.stderr}"
        return done

    def busbar(
        self, *arguments: str, code: int | None = 0, seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run(sys.executable, "-m", "busbar", *arguments, code=code, seconds=seconds)

    def kubectl(self, *arguments: str, code: int | None = 0, text: str = "") -> str:
        """Run kubectl; gives what it printed."""
        done = self.run("kubectl", *arguments, code=code, text=text)
        return done.stdout + done.stderr

    def get(self, *arguments: str) -> dict[str, Any]:
        """Give an object or a list as kubectl sees it."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found

    def job(self, name: str, **spec: Any) -> str:
        """Apply a small Job in namespace xyz."""
        defaults = {
            "image": "busybox",
            "resources": {"cpu": "500m", "memory": "256Mi"},
            "maxEuroPerDTU": "1",
        }
        manifest = {
            "apiVersion": "busbar.dev/v1alpha1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": "xyz"},
            "spec": defaults | spec,
        }
        return self.kubectl("apply", "-f", "-", text=json.dumps(manifest))

    def status(self, name: str) -> dict[str, Any]:
        """Give a Job's status."""
        found: dict[str, Any] = self.get("-n", "xyz", "jobs.busbar.dev", name).get("status") or {}
        return found

    def until(self, name: str, what: str, *wanted: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until a field of a Job's status has one of some values."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status(name)
            if status.get(what) in wanted:
                return status
        raise AssertionError(f"{name}: {what} is {status.get(what)!r}, not {wanted}: {status}")

    def eventually(self, *arguments: str, field: str, is_: str, seconds: float = 60) -> None:
        """Wait until a field of an object's status has a value."""
        end = time.monotonic() + seconds
        while (found := (self.get(*arguments).get("status") or {}).get(field)) != is_:
            if time.monotonic() > end:
                said = self._all_about(*arguments)
                raise AssertionError(f"{arguments}: {field} is {found!r}, not {is_!r}\n{said}")

    def _all_about(self, *arguments: str) -> str:
        """Say what there is to know of an object that went another way: it is gone afterwards."""
        said = [self.kubectl("get", *arguments, "-o", "yaml", code=None)]
        said.append(self.kubectl("describe", *arguments, code=None))
        if arguments[0] == "-n":
            said.append(self.kubectl("get", *arguments[:2], "contracts", "-o", "yaml", code=None))
        return "\n".join(said)

    def node_pid(self, node: str) -> int:
        """Give the pid of a node's agent."""
        return int((self.data / "nodes" / node / "agent.pid").read_text().split()[0])


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Bring the cloud up by running the quickstart; take it down, and look what is left."""
    for command in ("ip", "runc", "skopeo", "mmdebstrap", "nft", "s3fs", "kubectl"):
        assert shutil.which(command), f"{command} is missing: run ./runtests, which installs it"
    assert os.geteuid() == 0, "these tests run containers: run them as root"
    data = tmp_path_factory.mktemp("cloud")
    cloud = Cloud(data)
    ports = {"api_port": 27443, "s3_port": 27900, "s3_tls_port": 27943}
    save(ServerSettings(data=str(data), data_region="Germany", **ports))
    # Built once for all runs on a machine: the same place as tests/e2e/images uses.
    images = Path(os.environ.get("BUSBAR_TEST_IMAGES", "/var/tmp/busbar-test-images"))
    images.mkdir(parents=True, exist_ok=True)
    (data / "images").symlink_to(images)
    try:
        cloud.story = cloud.busbar("quickstart", seconds=900).stdout
        cloud.busbar("image", "build", str(ROOT / "images" / "busybox"), seconds=300)
        yield cloud
    finally:
        down = cloud.busbar("down", code=None, seconds=180)
    leftover = [
        line for line in Path("/proc/self/mounts").read_text().splitlines() if str(data) in line
    ]
    assert not leftover, leftover
    assert down.returncode == 0, down.stderr
    # By the names that the quickstart derives, not by what it wrote down: that may be too little.
    name = f"bb{tag_of(str(data))[:4]}"
    networks = [*Path("/run/netns").glob(f"{name}-*"), *Path("/sys/class/net").glob(f"{name}*")]
    assert not networks, networks
