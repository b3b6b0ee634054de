"""Docker as a peer: a daemon of its own in temporary folders, ended by its process id.

Only where `dockerd` is installed; `bench/run --install-peers` installs Debian's docker.io. The
daemon has no bridge of its own and sets no firewall rules, so that the machine stays as it is:
its containers run without a network, which makes the peer faster, not slower.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bench import options
from bench.options import Unavailable

START_SECONDS = 30


class Engine:
    """A running Docker daemon."""

    def __init__(self, socket: Path) -> None:
        self._command = ["docker", "-H", f"unix://{socket}"]

    def call(self, *arguments: str) -> str:
        """Run a docker command; gives what it printed."""
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"docker {arguments[0]}: {done.stderr.strip()[:200]}")
        return done.stdout

    def load(self, archive: Path) -> None:
        """Load an image from a file."""
        self.call("load", "-i", str(archive))

    def run_once(self, image: str, command: list[str]) -> float:
        """Run a container, remove it; gives the milliseconds from the command to its start."""
        asked = time.time_ns() / 1e6
        name = self.call("run", "-d", "--network", "none", image, *command).strip()
        state = json.loads(self.call("inspect", name))[0]["State"]
        self.call("rm", "-f", name)
        return _milliseconds(state["StartedAt"]) - asked


@contextlib.contextmanager
def daemon() -> Iterator[Engine]:
    """Start a daemon; on leaving it is stopped and its folders are gone."""
    _require()
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-docker-"))
    socket = folder / "docker.sock"
    command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["--pidfile", str(folder / "pid"), "-H", f"unix://{socket}", "--bridge", "none"]
    command += ["--iptables=false"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _ready(Engine(socket), process, folder / "log")
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _ready(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> Engine:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            engine.call("version")
        except Unavailable:
            if process.poll() is not None or time.monotonic() > until:
                lines = log.read_text(errors="replace").strip().splitlines() or ["no reason given"]
                raise Unavailable(f"dockerd does not start here: {lines[-1][:200]}") from None
            time.sleep(0.2)
        else:
            return engine


def _require() -> None:
    if shutil.which("dockerd") and shutil.which("docker"):
        return
    if options.chosen.install_peers and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "docker.io"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode == 0 and shutil.which("dockerd"):
            return
    raise Unavailable("docker not installed")


def _milliseconds(timestamp: str) -> float:
    """Read Docker's timestamp, which has nine decimals."""
    whole, _, rest = timestamp.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return seconds * 1000 + float(f"0.{rest or 0}") * 1000
