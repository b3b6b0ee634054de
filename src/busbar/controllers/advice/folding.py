"""From what was seen to UseProfiles: what the server does four times an hour, as a decision.

A workload that ran for a moment is not worth an object: a profile is begun when enough was seen of
it at once, and goes when nothing was seen for four weeks. Next: `looking.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from busbar.advice.board import SeenPod
from busbar.advice.finding import Subject
from busbar.advice.profile import fold, is_forgotten, read_profile, write_profile
from busbar.controllers.advice.workloads import PROFILES, profile_key, subject_of
from busbar.controllers.parts.writes import (
    create,
    new_object,
    remove,
    unchanged,
    update,
    with_status,
)
from busbar.model.ids import derived_uid
from busbar.model.objects import Key, Object, is_deleting, namespace_of
from busbar.model.time import MINUTE, Instant
from busbar.store.contract import Op, Snapshot, Transaction

FOLD_MS = 15 * MINUTE
"""How often what was seen is summed up: the board keeps as much of each container."""
BEGIN_SAMPLES = 12
"""Looks at a workload in that time with which its profile begins: three minutes of them."""
PROFILES_MAX = 1_000
"""Profiles of a namespace; beyond, none is begun."""


def transactions(
    snapshot: Snapshot, seen: Iterable[SeenPod], now: Instant
) -> Iterator[Transaction]:
    """Give the writes that add what was seen to the profiles: one for each workload."""
    grouped: dict[tuple[str, Subject], list[SeenPod]] = {}
    for one in seen:
        subject, _ = subject_of(snapshot, one.pod)
        grouped.setdefault((namespace_of(one.pod), subject), []).append(one)
    room: dict[str, int] = {}
    for (namespace, subject), pods in grouped.items():
        if namespace not in room:
            room[namespace] = PROFILES_MAX - sum(1 for _ in snapshot.list(*PROFILES, namespace))
        ops = _fold(snapshot, namespace, subject, pods, room[namespace], now)
        room[namespace] -= len(ops) == 2
        if ops:
            yield Transaction(ops)


def _fold(
    snapshot: Snapshot,
    namespace: str,
    subject: Subject,
    pods: list[SeenPod],
    room: int,
    now: Instant,
) -> tuple[Op, ...]:
    key = profile_key(namespace, subject)
    home, known = snapshot.get(Key("", "namespaces", "", namespace)), snapshot.get(key)
    if home is None or is_deleting(home):
        return ()
    before = read_profile(known) if known is not None else None
    status = write_profile(fold(before, subject.words, pods))
    if known is not None:
        return update(known, with_status(known, **status))
    if room <= 0 or status["samples"] < BEGIN_SAMPLES:
        return ()
    fresh = new_object(key, derived_uid("use-profile", namespace, key.name, now), now)
    return create({**fresh, "status": status}), unchanged(home)


def forgotten(profiles: Iterable[Object], now: Instant) -> Iterator[Op]:
    """Give the removal of profiles of which nothing is worth keeping."""
    for obj in profiles:
        profile = read_profile(obj)
        if profile is None or is_forgotten(profile, now):
            yield remove(obj)
