"""What `bench/run` was asked for, for the benchmarks that have a choice. Next: `cloud.py`."""

from __future__ import annotations

from typing import NamedTuple


class Options(NamedTuple):
    """The options of a run."""

    fresh: bool = False
    """Also measure what takes minutes."""
    install_peers: bool = False
    """Install what to compare with."""


class Unavailable(Exception):
    """A benchmark cannot run here; the sentence says why."""


chosen = Options()
