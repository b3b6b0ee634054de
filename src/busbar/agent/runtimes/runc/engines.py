"""The programs that make containers: runc, and crun, which needs a third of the processor time.

Both take the same configuration and the same commands. Which one is used says the setting
`runtime`; where it leaves the choice, crun is taken once it has proved itself on this machine
(`selfcheck.py`), else runc. What another life of the agent started with the other one goes on:
nothing but a start asks for either of them. Next: `runtime.py`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from busbar.agent.runtimes.runc.cgroups import ROOT

AUTO, RUNC, CRUN = "auto", "runc", "crun"
CHOICES = (AUTO, RUNC, CRUN)


class Engine(NamedTuple):
    """An installed OCI runtime."""

    name: str
    path: str
    hides: tuple[str, ...] = ()
    """Mounts that it must not see."""

    @property
    def version(self) -> str:
        """Give what changes when another program comes to lie at its path."""
        found = Path(self.path).stat()
        return f"{self.name} {found.st_ino} {found.st_size} {found.st_mtime_ns}"

    def command(self, state: Path, folder: Path, container_id: str) -> list[str]:
        """Give the command that starts a container, detached; its words are in `oci.log`."""
        return [
            self.path,
            "--root",
            str(state),
            "--log",
            str(folder / "oci.log"),
            "--log-format",
            "json",
            "run",
            "--detach",
            "--bundle",
            str(folder),
            "--pid-file",
            str(folder / "pid"),
            container_id,
        ]


def installed(name: str, cgroups: Path = ROOT) -> Engine | None:
    """Give an OCI runtime of this machine; None where it is not installed."""
    path = shutil.which(name)
    if path is None:
        return None
    return Engine(name, path, _hidden(cgroups) if name == CRUN else ())


def _hidden(cgroups: Path) -> tuple[str, ...]:
    """Give what keeps crun from a machine with control groups of both versions.

    It refuses where the second version has a controller beside the first's. Without the second
    version's mount it sees a machine of the first, as runc does, and what it limits is the same.
    """
    unified = cgroups / "unified"
    try:
        mixed = (unified / "cgroup.controllers").read_text().strip()
    except OSError:
        return ()
    return (str(unified),) if mixed else ()
