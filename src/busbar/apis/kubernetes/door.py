"""What every handler of the door works with: the store and what was passed in from outside.

Next: `calls.py`, then `verbs/create.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from busbar.apis.kubernetes.authentication import Authenticator
from busbar.apis.kubernetes.encoding import Encoder
from busbar.apis.kubernetes.ports import (
    Clock,
    DeletionGuard,
    LogBroker,
    NewUid,
    Questions,
    UseBoard,
    unguarded,
)
from busbar.apis.kubernetes.schemas.registry import Registry
from busbar.apis.kubernetes.service_accounts import ServiceAccountTokens
from busbar.apis.kubernetes.settings import Settings
from busbar.apis.kubernetes.watchers import Watchers
from busbar.store.contract import Store


@dataclass(frozen=True)
class Door:
    """The parts of a running door."""

    store: Store
    authenticator: Authenticator
    logs: LogBroker
    clock: Clock
    new_uid: NewUid
    registry: Registry
    settings: Settings
    watchers: Watchers
    encoder: Encoder
    tokens: ServiceAccountTokens | None = field(default=None)
    guard: DeletionGuard = field(default=unguarded)
    use: UseBoard | None = field(default=None)
    questions: Questions | None = field(default=None)
