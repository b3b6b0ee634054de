"""The Pods of work in pieces: one for each, made with the contracts. Next: `refusals.py`.

The first is the Pod that was the order. The others are copies that wait for their contracts'
start; none of them is an order, whatever becomes of its contract: that is the Job's affair.
"""

from __future__ import annotations

from busbar.controllers.parts.pods import pod_key
from busbar.controllers.parts.writes import new_object
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.objects import (
    Object,
    annotate,
    annotations_of,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_PIECE

_NAME_MAX = 57


def first_piece(pod: Object) -> Object:
    """Copy a Pod that was the order, as the first piece."""
    return annotate(pod, {ANN_PIECE: "1"})


def later_piece(pod: Object, number: int, now: Instant) -> Object:
    """Make the Pod that goes on with the work as another piece."""
    suffix = derived_suffix(uid_of(pod), "piece", number)
    key = pod_key(namespace_of(pod), f"{name_of(pod)[:_NAME_MAX].rstrip('.-')}-{suffix}")
    piece = new_object(
        key,
        derived_uid("piece", uid_of(pod), number),
        now,
        labels=labels_of(pod),
        annotations={**annotations_of(pod), ANN_PIECE: str(number)},
        ownerReferences=metadata(pod).get("ownerReferences") or [],
    )
    quality = status_of(pod).get("qosClass")
    status = {"phase": "Pending", **({"qosClass": quality} if quality else {})}
    return {**piece, "spec": spec_of(pod), "status": status}
