"""What the agent and its image worker say to each other, as lines of JSON. Next: `worker.py`."""

from __future__ import annotations

import msgspec

from busbar.agent.images.places import Credentials, Sources


class Request(msgspec.Struct, frozen=True):
    """What the parent wants."""

    root: str
    reference: str
    sources: Sources
    credentials: Credentials | None
    key: str
    bytes_max: int
    entries_max: int


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line to the parent; `done` is the last but for nothing."""

    done: bool = False
    bytes: int = 0
    bytes_total: int = 0
    refusal: str = ""
    sentence: str = ""
