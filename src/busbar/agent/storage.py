"""The disk of this machine: what of it may be sold, and what Pods have written on it.

Images and what Pods write lie on one file system, that of the agent's data directory. A part of it
is never sold: images, logs of Pods that bought no disk, and the machine itself live on that.
Next: `evictions.py`, which holds Pods to what they bought.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from busbar.agent.programs import output_of

_GIB = 1024**3
_RESERVE_LEAST = 2 * _GIB
COUNT_SECONDS = 60.0
"""What takes longer to count has more files than anybody may have: see `usage`."""


def reserve_bytes(directory: Path) -> int:
    """Give what is kept of the file system: a tenth, at least 2 GiB."""
    there = os.statvfs(directory)
    return max(there.f_frsize * there.f_blocks // 10, _RESERVE_LEAST)


def free_bytes(directory: Path) -> int:
    """Give what is free on the file system for those who are not root."""
    there = os.statvfs(directory)
    return there.f_frsize * there.f_bavail


def sellable_bytes(directory: Path) -> int:
    """Give what may be sold: what is free less the reserve, in whole GiB, perhaps nothing.

    What others keep on the disk is not the vendor's to sell. Whole GiB, so that machines that are
    alike to an order are alike to the market.
    """
    return max(0, free_bytes(directory) - reserve_bytes(directory)) // _GIB * _GIB


async def usage(folders: Sequence[Path], seconds: float = COUNT_SECONDS) -> list[int] | None:
    """Give the bytes that lie in each folder, 0 where there is none; None: too much to count.

    By du(1), for the reasons that `files.py` has for rm(1): it goes as deep as strangers make their
    folders, follows no link out of them, stays on the file system, and counts once what has several
    names. What was deleted and is still open is not seen.
    """
    there = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
    if not there:
        return [0] * len(folders)
    sizes = await _du(there, seconds)
    if sizes is None:
        return None
    return [sizes.get(str(folder), 0) for folder in folders]


async def _du(folders: list[Path], seconds: float) -> dict[str, int] | None:
    """Ask du(1). What vanishes meanwhile makes it complain, and is no less counted right."""
    command = ["nice", "-n", "10", "du", "-0", "-s", "-x", "-B1", "--", *map(str, folders)]
    try:
        said = await output_of(*command, within_seconds=seconds)
    except TimeoutError:
        return None
    pairs = (line.split("\t", 1) for line in said.decode("utf-8", "surrogateescape").split("\0"))
    return {pair[1]: int(pair[0]) for pair in pairs if len(pair) == 2}
