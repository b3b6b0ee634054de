"""Whether a Deployment is to run now, where it states hours. Next: `rollout.py`.

Outside of its hours it has no Pods, and so no contracts; `spec.replicas` stays as its author wrote
it. Its Pods are ordered a little before the hours begin, so that they are up by then.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.parts.conditions import Conditions, with_condition
from busbar.market.hours import is_wanted, next_change, parse_hours
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, annotations_of, condition, status_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import ANN_HOURS

IN_HOURS = "InHours"
"""The condition that says so."""


class Hours(NamedTuple):
    """Whether it is to run now, and when that changes; None: never."""

    is_wanted: bool = True
    change: Instant | None = None
    wrong: str = ""

    def told(self, deployment: Object, now: Instant) -> Conditions:
        """Give the conditions with what is to be said of the hours, where there are any."""
        known: Conditions = list(status_of(deployment).get("conditions") or ())
        if self.wrong:
            return with_condition(deployment, IN_HOURS, None, now, "HoursNotReadable", self.wrong)
        if self.change is None:
            return [one for one in known if one.get("type") != IN_HOURS]
        until = format_instant(self.change)
        if self.is_wanted:
            said = f"It runs; outside of its hours it has no Pods (next at {until})."
            return with_condition(deployment, IN_HOURS, True, now, "WithinHours", said)
        said = f"It has no Pods outside of its hours; they are ordered at {until}."
        return with_condition(deployment, IN_HOURS, False, now, "OutsideHours", said)


ALWAYS = Hours()


def hours_of(deployment: Object, now: Instant, ahead_ms: int) -> Hours:
    """Read whether a Deployment is to run. Hours that cannot be read change nothing.

    The door refuses such; one that was stored otherwise keeps what it has.
    """
    text = annotations_of(deployment).get(ANN_HOURS)
    if text is None:
        return ALWAYS
    try:
        hours = parse_hours(text, f"metadata.annotations[{ANN_HOURS}]")
    except InvalidField as error:
        told = condition(deployment, IN_HOURS) or {}
        return Hours(told.get("status") != "False", None, f"{error.path}: {error.message}.")
    return Hours(is_wanted(hours, now, ahead_ms), next_change(hours, now, ahead_ms))
