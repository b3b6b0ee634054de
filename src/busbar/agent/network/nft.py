"""Applies nftables rules: through nft's own library, or by the program where that is not found.

A Pod's start waits for its rules, and the library needs a tenth of a millisecond for what takes
the program six: it is loaded once, and talks to the kernel itself. Next: `network.py`.
"""

from __future__ import annotations

import ctypes
import subprocess
import threading
from collections.abc import Callable

LIBRARY = "libnftables.so.1"
Apply = Callable[[str], str]
"""Rules, all or none of which are applied → what is wrong with them; empty where nothing is."""


def opened(library: str = LIBRARY) -> Apply:
    """Give the quickest way there is."""
    try:
        return _Library(library).apply
    except (OSError, AttributeError):
        return by_program


def by_program(rules: str) -> str:
    """Apply rules by starting nft."""
    done = subprocess.run(
        ["nft", "-f", "-"], input=rules.encode(), capture_output=True, check=False
    )
    return _first_line(done.stderr) if done.returncode else ""


class _Library:
    """libnftables(3). One caller at a time."""

    def __init__(self, name: str) -> None:
        self._library = ctypes.CDLL(name)
        self._lock = threading.Lock()
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        if not self._context:
            raise OSError(f"{name} gives no context")
        self._library.nft_ctx_buffer_error(self._context)
        self._library.nft_ctx_buffer_output(self._context)

    def apply(self, rules: str) -> str:
        with self._lock:
            failed = self._library.nft_run_cmd_from_buffer(self._context, rules.encode())
            said: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b""
        return _first_line(said) if failed else ""


def _first_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "no reason given"
