"""What an agent observes of its Pods and its machine, as it goes over the wire.

Counters of cpu only grow, so a report that is lost costs nothing but detail: the next one says the
rest. How a rate is made of two of them is `busbar.advice.board`. Next: `objects.py`.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from busbar.model.time import Instant

SAMPLE_MS = 15_000
"""How often an agent looks; metrics-server's usual resolution."""
PODS_MAX, CONTAINERS_MAX = 2_000, 100

Text = Annotated[str, Meta(min_length=1, max_length=253)]
Count = Annotated[int, Meta(ge=0, le=2**62)]


class Counters(msgspec.Struct, rename="camel", frozen=True):
    """Cpu used since the beginning, and the working set now."""

    cpu_ms: Count = 0
    memory_bytes: Count = 0


class ContainerUse(Counters, frozen=True, kw_only=True):
    """One container; `run` differs where the counter began anew."""

    name: Text
    run: Annotated[str, Meta(max_length=253)] = ""
    peak_bytes: Count = 0


class PodUse(msgspec.Struct, rename="camel", frozen=True):
    """One Pod's running containers."""

    namespace: Text
    name: Text
    uid: Text
    containers: Annotated[tuple[ContainerUse, ...], Meta(max_length=CONTAINERS_MAX)] = ()


class UseReport(msgspec.Struct, rename="camel", frozen=True):
    """What one look found. `at_ms` is of a clock that only grows, of this boot of the machine."""

    at_ms: Count
    boot: Annotated[str, Meta(max_length=64)]
    node: Counters = Counters()
    pods: Annotated[tuple[PodUse, ...], Meta(max_length=PODS_MAX)] = ()


class Rate(NamedTuple):
    """What something uses at a moment: billionths of a cpu, bytes of its working set."""

    name: str
    cpu_nano: int
    memory_bytes: int


class Observed(NamedTuple):
    """Rates over the window that ended at `at`, by the exchange's clock."""

    at: Instant
    window_ms: int
    rates: tuple[Rate, ...]
