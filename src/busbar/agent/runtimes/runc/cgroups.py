"""Control groups of both versions, and of hosts that mix them.

Source: the kernel's cgroup-v1 and cgroup-v2 documentation. Next: `config.py`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from busbar.agent.runtimes.contract import Use

ROOT = Path("/sys/fs/cgroup")


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
            peak = _number(Path(f"{self._root}{path}/memory.peak"))
        else:
            cpu_ms = _number(Path(f"{self._root}/cpuacct{path}/cpuacct.usage")) // 1_000_000
            peak = _number(Path(f"{self._root}/memory{path}/memory.max_usage_in_bytes"))
        return Use(cpu_ms, peak)

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
