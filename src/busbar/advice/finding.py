"""What a decider finds: a closed list of types, the evidence, the saving, what to do.

docs/advice.md lists the types; a test insists. Next: `sizing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from busbar.model.time import HOUR

HOURS_A_MONTH = 730


class AdviceType(StrEnum):
    """What advice is about. A closed list."""

    RIGHT_SIZE = "RightSize"
    CHEAPER_PLACE = "CheaperPlace"
    CHEAPER_HOUR = "CheaperHour"
    LATER_DEADLINE = "LaterDeadline"
    IDLE = "Idle"
    UNUSUAL_SPENDING = "UnusualSpending"
    UNUSUAL_USE = "UnusualUse"
    UNSOLD = "Unsold"


ABOUT: Mapping[AdviceType, str] = {
    AdviceType.RIGHT_SIZE: "requests against observed use",
    AdviceType.CHEAPER_PLACE: "what another vendor or region would save",
    AdviceType.CHEAPER_HOUR: "what waiting for the cheapest hour would save",
    AdviceType.LATER_DEADLINE: "what a later deadline would save",
    AdviceType.IDLE: "something that runs and does nothing",
    AdviceType.UNUSUAL_SPENDING: "an hour that cost more than such hours do",
    AdviceType.UNUSUAL_USE: "an hour in which a workload used more or less than in such hours",
    AdviceType.UNSOLD: "nodes of an offer that nobody bought, and at what ask somebody would have",
}


class Subject(NamedTuple):
    """What it is about."""

    api_version: str
    kind: str
    name: str

    @property
    def words(self) -> dict[str, str]:
        """Give it as an object."""
        return {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}


class Evidence(NamedTuple):
    """One thing that it rests on, in words."""

    name: str
    value: str


class Finding(NamedTuple):
    """One piece of advice. `namespace` "" where it is a vendor's."""

    type: AdviceType
    namespace: str
    subject: Subject
    what: str
    why: tuple[Evidence, ...]
    saving_nano_per_hour: int = 0
    """Negative where it costs more."""
    patch: Mapping[str, Any] | None = None
    command: str = ""
    vendor: str = ""
    release: str = ""
    """A Pod that holds a reserved slot, to be deleted so that it is placed anew."""

    @property
    def saving_nano_per_month(self) -> int:
        """Give the saving of 730 hours."""
        return self.saving_nano_per_hour * HOURS_A_MONTH


def per_hour(nano: int, ms: int) -> int:
    """Spread an amount over its time, for an hour."""
    return nano * HOUR // max(1, ms)
