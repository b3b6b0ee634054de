"""What the agent remembers of a Pod over its own restart: a small file per Pod.

Workloads outlive the agent; these files let it take them up again without asking the cloud.
Next: `worker.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from busbar.agent.files import remove_tree
from busbar.agent.mounts import unmount_below
from busbar.agent.runtimes.contract import ContainerStatus
from busbar.agent.settings import write_atomically


class ContainerRecord(msgspec.Struct, omit_defaults=True):
    """A container's history on this node."""

    id: str = ""
    """The runtime's id of the present or last run; empty before the first."""
    restarts: int = 0
    restart_at_ms: int | None = None
    done: bool = False
    """It has ended and will not be started again."""
    image_id: str = ""
    started_ms: int | None = None
    """When the present or last run was seen to have started; None: it was not."""
    restarts_in_row: int = 0
    """Restarts since it last ran for a good while: what the back-off counts."""
    ended: ContainerStatus | None = None
    """The last run as it ended: the runtime forgets, the Pod's status must not."""
    unhealthy: str = ""
    """Why the present run is ended by us, in a sentence: its probe failed."""


class PodRecord(msgspec.Struct, omit_defaults=True):
    """One Pod: the object as last seen, its epoch, and what was made for it."""

    uid: str
    pod: dict[str, Any]
    epoch: int = 0
    containers: dict[str, ContainerRecord] = {}
    stop_reason: str = ""
    stop_message: str = ""
    refused_reason: str = ""
    refused_message: str = ""


class Records:
    """The Pods' files, `pods/<uid>/record.json`, beside the folders made for each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "pods"
        self._directory.mkdir(parents=True, exist_ok=True)

    def folder(self, uid: str) -> Path:
        """Give the Pod's own folder; volumes live below it."""
        return self._directory / uid

    def save(self, record: PodRecord, *, durable: bool = True) -> None:
        """Write a record atomically; where it is not durable, for another life of the agent only.

        What is written before a Pod's first start need not outlast the machine: after a power cut
        nothing runs, and nobody has been told that anything did.
        """
        path = self.folder(record.uid) / "record.json"
        write_atomically(path, msgspec.json.encode(record), durable=durable)

    def load_all(self) -> dict[str, PodRecord]:
        """Read all records; a folder without a whole record is left to the sweep."""
        found = {}
        for path in sorted(self._directory.glob("*/record.json")):
            try:
                record = msgspec.json.decode(path.read_bytes(), type=PodRecord)
            except (msgspec.DecodeError, OSError):
                continue
            found[record.uid] = record
        return found

    def remove(self, uid: str) -> None:
        """Forget a Pod and delete its folder; nothing may be mounted below it any more."""
        if unmount_below(self.folder(uid)):
            remove_tree(self.folder(uid))

    def strays(self, known: set[str]) -> list[Path]:
        """List folders of Pods that nobody knows."""
        return [path for path in self._directory.iterdir() if path.name not in known]
