"""Has an OCI runtime done what it was told? A container on this very machine shows it.

Asked once for each program and boot, before a Pod is started with crun: it must have made the
same of our configuration as runc makes, in what keeps a workload to itself. The container's root
holds the machine's own tools, read-only. Next: `runtime.py`, which asks.
"""

from __future__ import annotations

import os
from pathlib import Path

from busbar.agent.runtimes.contract import ContainerSpec, Mount, PodSandbox, Runtime, RuntimeFailed
from busbar.agent.runtimes.runc.config import CAPABILITIES
from busbar.agent.runtimes.runc.identities import SIZE

UID = "self-check-of-this-machine"
EXIT_CODE = 7
PIDS, MEMORY = 64, 64 << 20
_TOOLS = ("bin", "lib", "lib32", "lib64", "sbin", "usr")
_SCRIPT = f"""cat /proc/self/status /proc/self/uid_map
[ "$(head -c 1 /proc/kcore | wc -c)" = 0 ] || echo Shown: /proc/kcore
(echo x > /proc/sys/kernel/domainname) 2> /dev/null && echo Written: /proc/sys
(unshare --user true || mount -t tmpfs none /tmp) 2> /dev/null && echo Allowed: unshare
(echo x > /file) 2> /dev/null && echo Written: /file
cd /sys/fs/cgroup
echo Pids: $(cat pids/pids.max pids.max 2> /dev/null)
echo Memory: $(cat memory/memory.limit_in_bytes memory.max 2> /dev/null)
exit {EXIT_CODE}
"""
_NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6}
_NUMBERS |= {"SETUID": 7, "SETPCAP": 8, "NET_BIND_SERVICE": 10}


async def complaint(runtime: Runtime, directory: Path) -> str:
    """Give what is wrong with the containers that a runtime makes; empty where nothing is."""
    await runtime.release(UID)
    try:
        sandbox = await runtime.prepare({"metadata": {"uid": UID, "namespace": UID, "name": UID}})
        spec = _spec(directory / UID)
        await runtime.start(spec)
        status = await runtime.wait(spec.id)
        if status is None or status.exit_code != EXIT_CODE:
            return f"its exit code is {status.exit_code if status else None}, not {EXIT_CODE}"
        return judged(_said(spec.log_file), sandbox)
    except (RuntimeFailed, OSError) as failed:
        return str(failed)
    finally:
        await runtime.release(UID)


def judged(said: str, sandbox: PodSandbox) -> str:
    """Give what is wrong with what a process of the container saw; empty where nothing is."""
    fields = {name: value.split() for name, _, value in map(_parted, said.splitlines())}
    allowed = f"{sum(1 << _NUMBERS[name.removeprefix('CAP_')] for name in CAPABILITIES):016x}"
    expected = {
        "Uid": ["0"] * 4,
        "Gid": ["0"] * 4,
        "Groups": [],
        "NoNewPrivs": ["1"],
        "Seccomp": ["2"],
        "Seccomp_filters": ["1"],
        "Pids": [str(PIDS)],
        "Memory": [str(MEMORY)],
        **{f"Cap{kind}": [allowed] for kind in ("Eff", "Prm", "Bnd")},
        **{f"Cap{kind}": ["0" * 16] for kind in ("Inh", "Amb")},
    }
    for name, value in expected.items():
        # Not every kernel counts the filters.
        if fields.get(name, value if name == "Seccomp_filters" else None) != value:
            return f"{name} is {' '.join(fields.get(name, ['not said']))}"
    if ["0", str(sandbox.uid_base), str(SIZE)] not in [line.split() for line in said.splitlines()]:
        return "the ids of its user namespace are not the Pod's"
    for name in ("Shown", "Written", "Allowed"):
        if name in fields:
            return f"{name.lower()}: {' '.join(fields[name])}"
    return ""


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _spec(folder: Path) -> ContainerSpec:
    layer, mounts = folder / "layer", []
    for name in ("dev", "etc", "proc", "sys", "tmp"):
        (layer / name).mkdir(parents=True)
    for name in _TOOLS:
        ours = Path("/", name)
        if ours.is_symlink():
            (layer / name).symlink_to(os.readlink(ours))
        elif ours.is_dir():
            (layer / name).mkdir()
            mounts.append(Mount(ours, f"/{name}", read_only=True))
    return ContainerSpec(
        UID,
        "main",
        0,
        (layer,),
        ("sh", "-c", _SCRIPT),
        {},
        folder / "log",
        mounts=tuple(mounts),
        hostname="self-check",
        memory_limit_bytes=MEMORY,
        pids_limit=PIDS,
        read_only_root=True,
    )


def _said(log: Path) -> str:
    """Give the words of a log in the CRI format."""
    lines = log.read_text(errors="replace").splitlines()
    return "".join(f"{line.split(' ', 3)[3]}\n" for line in lines if line.count(" ") >= 3)
