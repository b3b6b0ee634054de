"""Pods that are ended for the market's reasons, not for their own: `DisruptionTarget`.

Kubernetes' condition for a Pod that something else is about to end; whoever counts failures leaves
these out. Source: kubernetes.io, "Pod disruption conditions". Next: `deletion.py`.
"""

from __future__ import annotations

from busbar.controllers.close import CloseReason
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.writes import with_status
from busbar.model.objects import Object, condition
from busbar.model.time import Instant

CONDITION = "DisruptionTarget"
MATCHED_AGAIN = frozenset(
    {
        CloseReason.OUT_OF_REACH,
        CloseReason.NODE_FAULT,
        CloseReason.NOT_TAKEN_UP,
        CloseReason.NEVER_STARTED,
        CloseReason.PRICE_ABOVE_CAP,
        CloseReason.OFFER_WITHDRAWN,
        CloseReason.SOLD_AGAIN,
        CloseReason.RECLAIMED,
        CloseReason.WITHDRAWN_EARLY,
    }
)
"""Ends after which the market may find another place: not those for lack of money or of time."""


def displaced(pod: Object, reason: CloseReason, sentence: str, now: Instant) -> Object:
    """Copy that says why it will be ended, where the work is to go on elsewhere."""
    if reason not in MATCHED_AGAIN:
        return pod
    return with_status(
        pod, conditions=with_condition(pod, CONDITION, True, now, reason.value, sentence)
    )


def was_displaced(pod: Object) -> bool:
    """Say whether a Pod was ended for the market's reasons."""
    said = condition(pod, CONDITION) or {}
    return said.get("status") == "True" and said.get("reason") in MATCHED_AGAIN
