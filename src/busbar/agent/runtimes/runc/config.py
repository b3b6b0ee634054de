"""The OCI configuration of a container: what it may see and do.

Source: the OCI runtime specification; the lists of masked paths, capabilities and system calls
are those that Docker and containerd have run strangers' code with for years. Next: `runtime.py`.
"""

from __future__ import annotations

import json
import platform
from functools import cache
from importlib import resources
from typing import Any

from busbar.agent.runtimes.contract import ContainerSpec, PodSandbox, RuntimeFailed
from busbar.agent.runtimes.runc import users
from busbar.agent.runtimes.runc.cgroups import MEMORY_LEAST, shares_of
from busbar.agent.runtimes.runc.identities import SIZE

CAPABILITIES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
]
"""Docker's list without MKNOD, NET_RAW, SYS_CHROOT, AUDIT_WRITE and SETFCAP. They hold
inside the Pod's user namespace only: over the Pod's own files, processes and ports."""

MASKED = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CPU_PERIOD_US = 100_000


def oci_config(
    spec: ContainerSpec, sandbox: PodSandbox, rootfs: str, userns: str, cgroup: str
) -> dict[str, Any]:
    """Give config.json of a container."""
    mapping = [{"containerID": 0, "hostID": sandbox.uid_base, "size": SIZE}]
    return {
        "ociVersion": "1.0.2",
        "process": _process(spec),
        "root": {"path": rootfs, "readonly": spec.read_only_root},
        "hostname": spec.hostname,
        "mounts": _mounts(spec),
        "linux": {
            "uidMappings": mapping,
            "gidMappings": mapping,
            "namespaces": [
                {"type": "user", "path": userns},
                {"type": "network", "path": sandbox.netns},
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")),
            ],
            "cgroupsPath": cgroup,
            "resources": limits(spec),
            "seccomp": seccomp(),
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    }


def _process(spec: ContainerSpec) -> dict[str, Any]:
    uid, gid, further = users.identity(spec)
    environment = {"PATH": _PATH, "HOSTNAME": spec.hostname, **spec.environment}
    environment.setdefault("HOME", "/root" if uid == 0 else "/")
    return {
        "terminal": False,
        "user": {"uid": uid, "gid": gid, "additionalGids": further},
        "args": list(spec.arguments),
        "env": [f"{name}={value}" for name, value in environment.items()],
        "cwd": spec.working_directory or "/",
        "capabilities": {
            kind: CAPABILITIES if uid == 0 or kind == "bounding" else []
            for kind in ("bounding", "effective", "permitted")
        },
        "noNewPrivileges": True,
    }


def limits(spec: ContainerSpec) -> dict[str, Any]:
    """Give the control group's limits; swap counts as memory."""
    found: dict[str, Any] = {
        "pids": {"limit": spec.pids_limit},
        "cpu": {"shares": shares_of(spec.cpu_milli)},
        # None but those that the OCI runtime makes: null, zero, full, random, urandom, tty, ptmx.
        "devices": [{"allow": False, "access": "rwm"}],
    }
    if spec.cpu_limit_milli:
        quota = max(1000, spec.cpu_limit_milli * _CPU_PERIOD_US // 1000)
        found["cpu"] |= {"quota": quota, "period": _CPU_PERIOD_US}
    if spec.memory_limit_bytes:
        size = max(spec.memory_limit_bytes, MEMORY_LEAST)
        found["memory"] = {"limit": size, "swap": size}
    return found


def _mounts(spec: ContainerSpec) -> list[dict[str, Any]]:
    closed = ["nosuid", "noexec", "nodev"]
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    memory = ["nosuid", "strictatime", "mode=755", "size=65536k"]
    mounts: list[dict[str, Any]] = [
        _mount("/proc", "proc", "proc", closed),
        _mount("/dev", "tmpfs", "tmpfs", memory),
        _mount("/dev/pts", "devpts", "devpts", terminals),
        _mount("/dev/shm", "tmpfs", "shm", [*closed, "mode=1777", "size=65536k"]),
        _mount("/dev/mqueue", "mqueue", "mqueue", closed),
        _mount("/sys", "sysfs", "sysfs", [*closed, "ro"]),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", [*closed, "relatime", "ro"]),
    ]
    # Shallow first: a volume at /a must not hide one at /a/b.
    for mount in sorted(spec.mounts, key=lambda mount: mount.target.count("/")):
        options = ["rbind", "rprivate", "nosuid", "nodev", "ro" if mount.read_only else "rw"]
        mounts.append(_mount(mount.target, "bind", str(mount.source), options))
    return mounts


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}


@cache
def seccomp() -> dict[str, Any]:
    """Give the system call filter, for programs of this machine's own architecture.

    Each further one costs every start 8 ms of compiling, and is one more way into the kernel: a
    32-bit program on a 64-bit machine is killed at its first system call (SIGSYS).
    """
    text = resources.files(__package__).joinpath("seccomp.json").read_text()
    found: dict[str, Any] = json.loads(text)
    native = f"SCMP_ARCH_{platform.machine().upper()}"
    if native not in found["architectures"]:
        raise RuntimeFailed(f"there is no system call filter for {platform.machine()} machines")
    return found | {"architectures": [native]}
