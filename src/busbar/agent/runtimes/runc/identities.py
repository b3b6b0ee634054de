"""Which of the machine's user ids a Pod gets: 65,536 of them, shared with nobody else.

Several agents may live on one machine, so a range is claimed by a file in /run, made with O_EXCL:
whoever made it has it. They vanish with a reboot, as do the workloads. Next: `sandboxes.py`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from busbar.agent.runtimes.contract import IDS, RuntimeFailed

FIRST = 1 << 20
SIZE = IDS
COUNT = 16_000


class Ranges:
    """Claims ranges of ids for one agent."""

    def __init__(self, directory: Path, owner: str) -> None:
        self._directory = directory
        self._owner = owner
        self._next = int.from_bytes(owner.encode()[-3:], "big") % COUNT

    def claim(self) -> int:
        """Claim a range; gives its number."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for _ in range(COUNT):
            number = self._next
            self._next = (self._next + 1) % COUNT
            try:
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
                descriptor = os.open(self._directory / str(number), flags, 0o644)
            except FileExistsError:
                continue
            os.write(descriptor, self._owner.encode())
            os.close(descriptor)
            return number
        raise RuntimeFailed(f"all {COUNT} ranges of user ids are in use on this machine")

    def give_back(self, number: int) -> None:
        """Give a range back."""
        (self._directory / str(number)).unlink(missing_ok=True)

    def mine(self) -> set[int]:
        """Give the numbers that this agent has claimed, in earlier lives too."""
        found = set()
        if self._directory.exists():
            for path in self._directory.iterdir():
                # Others' come and go meanwhile.
                with contextlib.suppress(FileNotFoundError):
                    if path.name.isdigit() and path.read_text() == self._owner:
                        found.add(int(path.name))
        return found


def base_of(number: int) -> int:
    """Give the first id of a range."""
    return FIRST + number * SIZE
