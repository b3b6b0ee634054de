"""Binding a Pod to the node of its contract. Next: `funds.py`."""

from __future__ import annotations

from busbar.controllers.names import FINALIZER_METER
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.writes import with_status
from busbar.model.objects import Object, annotate, metadata, spec_of, with_metadata
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_CONTRACT, ANN_EPOCH


def promised(pod: Object, contract: str, epoch: int) -> Object:
    """Copy with the contract of the latest match named on it."""
    return annotate(pod, {ANN_CONTRACT: contract, ANN_EPOCH: str(epoch)})


def bound(
    pod: Object,
    node: str,
    contract: str,
    epoch: int,
    now: Instant,
    cheaper: tuple[str, ...] = (),
) -> Object:
    """Copy bound to a node. From now on its agent may start it, under this epoch.

    `cheaper` says why cheaper offers were not eligible, for who asks later.
    """
    named = promised(pod, contract, epoch)
    holding = metadata(named).get("finalizers") or []
    if FINALIZER_METER not in holding:
        named = with_metadata(named, finalizers=[*holding, FINALIZER_METER])
    conditions = with_condition(named, "PodScheduled", True, now)
    scheduled = {**named, "spec": {**spec_of(named), "nodeName": node}}
    return with_status(
        scheduled,
        conditions=conditions,
        phase="Pending",
        busbar={"funnel": list(cheaper)} if cheaper else None,
    )
