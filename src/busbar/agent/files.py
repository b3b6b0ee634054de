"""Removing folders that strangers have filled: as deep as they like, with what they like inside.

Next: `records.py`, `hooks/volumes.py`, `runtimes/runc/runtime.py`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path


def remove_tree(folder: Path) -> bool:
    """Remove a folder with everything in it; says whether nothing is left.

    By rm(1): a recursion of our own ends where folders are deeper than the stack or than there are
    descriptors. It stays on its file system: what is mounted below is somebody else's data.
    """
    if not folder.is_dir() or folder.is_symlink():
        return not folder.exists()
    command = ["rm", "-rf", "--one-file-system", "--", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
