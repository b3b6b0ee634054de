"""The hours in which a service may be moved because it is cheaper elsewhere. Next: `plan.py`.

A calendar as that of a service's own hours, so that there is one answer to what 02:00 means.
"""

from __future__ import annotations

from busbar.market.hours import is_wanted, parse_hours
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, annotations_of
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_MOVE_HOURS


def may_move_now(replica_set: Object, deployment: Object | None, now: Instant) -> bool:
    """Say whether its Pods may be moved for a saving now; at all times where nothing is said.

    Hours that cannot be read move nobody: the door refuses such, and who wrote them meant some.
    """
    owner = replica_set if deployment is None else deployment
    text = annotations_of(owner).get(ANN_MOVE_HOURS)
    if text is None:
        return True
    try:
        hours = parse_hours(text, f"metadata.annotations[{ANN_MOVE_HOURS}]")
    except InvalidField:
        return False
    return is_wanted(hours, now, 0)
