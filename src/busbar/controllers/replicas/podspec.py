"""Which Pod a ReplicaSet's template means. Next: `controller.py`."""

from __future__ import annotations

from collections.abc import Mapping

from busbar.controllers.parts.templates import pod_of, stem_of
from busbar.model.objects import Object, name_of, spec_of
from busbar.model.time import Instant


def next_pod(
    replica_set: Object,
    now: Instant,
    number: int,
    *,
    losses: int = 0,
    avoid: str = "",
    notes: Mapping[str, str] | None = None,
) -> Object:
    """Make the `number`-th Pod of one decision; `notes` are further annotations."""
    return pod_of(
        replica_set,
        spec_of(replica_set).get("template") or {},
        now,
        (now, number),
        notes=notes,
        losses=losses,
        avoid=avoid,
        generateName=stem_of(name_of(replica_set)),
    )
