"""What a machine must be able to do before it sells anything. Next: `main.py`."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

from busbar.agent.runtimes.runc.engines import AUTO, CHOICES, CRUN, RUNC
from busbar.agent.settings import AgentSettings

_COMMANDS = {"nft": "nftables", "s3fs": "s3fs", "skopeo": "skopeo"}


class MachineLacks(Exception):
    """The machine cannot be a node; one sentence names what is missing and how to get it."""


def check_machine(settings: AgentSettings) -> None:
    """Refuse a machine that could take work but not do it."""
    if os.geteuid() != 0:
        raise MachineLacks("the agent needs root: run it with sudo")
    if settings.runtime not in CHOICES:
        known = ", ".join(CHOICES)
        raise MachineLacks(f"runtime: {settings.runtime!r} is unknown; use one of {known}")
    missing = [package for command, package in _COMMANDS.items() if not shutil.which(command)]
    if settings.runtime == AUTO and not any(shutil.which(name) for name in (CRUN, RUNC)):
        missing.append(RUNC)
    if settings.runtime != AUTO and not shutil.which(settings.runtime):
        missing.append(settings.runtime)
    if missing:
        raise MachineLacks(f"this machine lacks {', '.join(missing)}; apt-get install them")
    filesystems = Path("/proc/filesystems").read_text().split()
    if "overlay" not in filesystems:
        raise MachineLacks("the kernel has no overlayfs; load it with `modprobe overlay`")
    if not Path("/dev/fuse").exists():
        raise MachineLacks("there is no /dev/fuse, so buckets cannot be mounted; `modprobe fuse`")
    if not Path("/proc/self/ns/user").exists():
        raise MachineLacks("the kernel has no user namespaces")


def address_towards(server: str) -> str:
    """Give the local address that packets to the server leave from; sends nothing."""
    parts = urlsplit(server)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((parts.hostname or "127.0.0.1", parts.port or 443))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
