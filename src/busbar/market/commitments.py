"""What is already promised: which contract occupies which node, from when until when.

Next: `occupancy.py`, which subtracts it from what the nodes have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from busbar.model.dtu import Resources
from busbar.model.kinds.contract import reserved_by
from busbar.model.objects import spec_of, status_of
from busbar.model.time import Instant


class Commitment(NamedTuple):
    """Resources of a node taken in [start, end); `end` None: until further notice."""

    node: str
    resources: Resources
    start: Instant
    end: Instant | None


def commitment_of(contract: Mapping[str, Any]) -> Commitment | None:
    """Give what a contract occupies; None where it is closed.

    A contract reserved for later, or that holds capacity for a Procurement, occupies its slots.
    One whose workload may run occupies its node until it closes, at the latest its deadline: work
    that runs is never sold from under its feet, so what it might still need is not sold forward.
    A piece of work that goes on elsewhere ends with its slots.
    """
    spec, phase = spec_of(contract), status_of(contract).get("phase")
    if phase == "Closed":
        return None
    slots = spec.get("slots") or []
    resources = reserved_by(spec)
    start = slots[0]["startMs"] if slots else 0
    if phase in ("Reserved", "Held") and slots:
        return Commitment(spec["node"], resources, start, slots[-1]["endMs"])
    if slots and spec.get("piece", 0) < spec.get("pieces", 0):
        return Commitment(spec["node"], resources, 0, slots[-1]["endMs"])
    return Commitment(spec["node"], resources, 0, spec.get("notAfterMs"))
