"""Control groups of both versions, and of hosts that mix them.

Source: the kernel's cgroup-v1 and cgroup-v2 documentation; for the working set, the kubelet's
definition (use less inactive files). Next: `config.py`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from busbar.agent.runtimes.contract import Use

ROOT = Path("/sys/fs/cgroup")
MEMORY_LEAST = 6 << 20
"""What runc needs itself until it has become the program."""


class Cgroups:
    """Where the groups of this machine's containers are."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self.unified = (root / "cgroup.controllers").exists()

    def oom_files(self, path: str) -> list[str]:
        """Give the files that count kills for lack of memory in a group."""
        if self.unified:
            return [f"{self._root}{path}/memory.events"]
        return [f"{self._root}/memory{path}/memory.oom_control"]

    def use(self, path: str) -> Use:
        """Give what a group has used."""
        if self.unified:
            stat = _pairs(Path(f"{self._root}{path}/cpu.stat"))
            cpu_ms = int(stat.get("usage_usec", "0")) // 1000
            memory = Path(f"{self._root}{path}")
            peak, now = _number(memory / "memory.peak"), _number(memory / "memory.current")
            cold = _pairs(memory / "memory.stat").get("inactive_file", "0")
        else:
            cpu_ms = _number(Path(f"{self._root}/cpuacct{path}/cpuacct.usage")) // 1_000_000
            memory = Path(f"{self._root}/memory{path}")
            peak = _number(memory / "memory.max_usage_in_bytes")
            now = _number(memory / "memory.usage_in_bytes")
            cold = _pairs(memory / "memory.stat").get("total_inactive_file", "0")
        # Files that nobody has touched for a while are given back before anything else is.
        return Use(cpu_ms, peak, max(0, now - int(cold)))

    def limit(self, path: str, cpu_milli: int, memory_bytes: int) -> None:
        """Make a group for the groups of a Pod's containers, with the Pod's share and limit."""
        if self.unified:
            self._delegate(path)
            _write(Path(f"{self._root}{path}/cpu.weight"), weight_of(cpu_milli))
            _write(Path(f"{self._root}{path}/memory.max"), memory_bytes)
            _write(Path(f"{self._root}{path}/memory.swap.max"), 0, may_lack=True)
            return
        for hierarchy in ("cpu", "memory"):
            Path(f"{self._root}/{hierarchy}{path}").mkdir(parents=True, exist_ok=True)
        _write(Path(f"{self._root}/cpu{path}/cpu.shares"), shares_of(cpu_milli))
        memory = Path(f"{self._root}/memory{path}")
        _write(memory / "memory.limit_in_bytes", memory_bytes)
        _write(memory / "memory.memsw.limit_in_bytes", memory_bytes, may_lack=True)

    def _delegate(self, path: str) -> None:
        """Make a group and let cpu and memory be shared out on the whole way to it (v2)."""
        place = self._root
        for part in path.strip("/").split("/"):
            for controller in ("cpu", "memory"):
                # Refused where a group above has processes; then the limit cannot be set below.
                with contextlib.suppress(OSError):
                    _write(place / "cgroup.subtree_control", f"+{controller}")
            place /= part
            place.mkdir(exist_ok=True)

    def groups(self, parent: str) -> set[str]:
        """Give the names of the groups below a parent, in any hierarchy."""
        found = set()
        for hierarchy in self._hierarchies():
            with contextlib.suppress(OSError):
                found |= {p.name for p in Path(f"{hierarchy}{parent}").iterdir() if p.is_dir()}
        return found

    def remove(self, path: str) -> None:
        """Remove an empty group from every hierarchy, and its children."""
        for hierarchy in self._hierarchies():
            _remove(Path(f"{hierarchy}{path}"))

    def processes(self, path: str) -> set[int]:
        """Give the processes in a group, in any hierarchy."""
        found: set[int] = set()
        for hierarchy in self._hierarchies():
            with contextlib.suppress(OSError, ValueError):
                text = Path(f"{hierarchy}{path}/cgroup.procs").read_text()
                found |= {int(line) for line in text.split()}
        return found

    def _hierarchies(self) -> list[Path]:
        if self.unified:
            return [self._root]
        return [path for path in self._root.iterdir() if path.is_dir() and not path.is_symlink()]


def shares_of(cpu_milli: int) -> int:
    """Give a cpu request as version 1 counts it."""
    return max(2, cpu_milli * 1024 // 1000)


def weight_of(cpu_milli: int) -> int:
    """Give a cpu request as version 2 counts it; the formula is runc's, for its containers."""
    return 1 + (min(shares_of(cpu_milli), 262_144) - 2) * 9999 // 262_142


def _write(path: Path, value: int | str, *, may_lack: bool = False) -> None:
    """Set a group's value. `may_lack`: kernels without accounting of swap have no such file."""
    if may_lack and not path.exists():
        return
    path.write_text(str(value))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        for child in path.iterdir():
            if child.is_dir():
                _remove(child)
    with contextlib.suppress(OSError):
        path.rmdir()


def _pairs(path: Path) -> dict[str, str]:
    try:
        words = path.read_text().split()
    except OSError:
        return {}
    return dict(zip(words[::2], words[1::2], strict=False))


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
