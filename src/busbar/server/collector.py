"""The garbage collector, set for a process that keeps many objects and makes few cycles.

Stored objects are trees: reference counts free them. Python's defaults walk all of them again
and again, which costs a third of the throughput of writes. Called once, when all is loaded.
"""

from __future__ import annotations

import gc

_YOUNG = 20_000
"""New containers before the young generation is looked at; Python's default is 700."""
_MIDDLE = 20
_OLD = 50


def calm_collector() -> None:
    """Leave what is loaded alone for good, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
