"""Owners and what they own: background, foreground and orphan deletion, as Kubernetes has them.

One key per namespace, a short pause after the first wake: a sweep costs one look at each owned
object, however many owners went. Source: kubernetes.io, "Garbage Collection". Next:
`namespaces.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from busbar.controllers.contract import Collection, Decision
from busbar.controllers.names import FINALIZER_FOREGROUND, FINALIZER_ORPHAN
from busbar.controllers.parts.deletion import delete, delete_pod, release
from busbar.controllers.parts.writes import update
from busbar.controllers.settings import Settings
from busbar.model.objects import Key, Object, is_deleting, metadata, uid_of, with_metadata
from busbar.model.resources import BY_COLLECTION, BY_KIND, Resource
from busbar.model.time import Instant
from busbar.store.contract import Event, EventType, Snapshot, Transaction

OWNED: tuple[Collection, ...] = (
    ("", "pods"),
    ("", "configmaps"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("batch", "jobs"),
    ("apps", "replicasets"),
    ("apps", "deployments"),
    ("policy", "poddisruptionbudgets"),
    ("busbar.dev", "jobs"),
    ("busbar.dev", "buckets"),
    ("busbar.dev", "procurements"),
)
"""Collections in which owned objects are looked for."""
GARBAGE = "garbage"


class GarbageController:
    """Deletes what has lost its owners; holds owners that wait for what they own."""

    name = GARBAGE
    watches: tuple[Collection, ...] = tuple(BY_COLLECTION)
    coalesce_ms = 20

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a namespace where an owner went, or waits, or an owned object appeared or went."""
        meta = metadata(event.obj)
        gone = event.type is EventType.DELETED and event.key.resource not in _NEVER_OWN
        held = bool(meta.get("deletionTimestamp")) and bool(meta.get("finalizers"))
        if gone or held or (event.type is EventType.ADDED and meta.get("ownerReferences")):
            return (Key(GARBAGE, "namespaces", "", event.key.namespace),)
        return ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Sweep one namespace."""
        dependents = [
            obj
            for collection in OWNED
            for obj in snapshot.list(*collection, key.name)
            if metadata(obj).get("ownerReferences")
        ]
        swept = [t for obj in dependents if (t := self._sweep(snapshot, obj, now)) is not None]
        freed = list(self._owners(snapshot, key.name, dependents, now))
        done = (*swept, *freed)
        note = f"garbage of namespace {key.name or '-'}: {len(swept)} swept, {len(freed)} freed"
        return Decision(done, None, note if done else "")

    def _sweep(self, snapshot: Snapshot, obj: Object, now: Instant) -> Transaction | None:
        """Delete an object all of whose owners are gone; forget those that are."""
        if is_deleting(obj):
            return None
        references = metadata(obj)["ownerReferences"]
        living = [ref for ref in references if lives(snapshot, obj, ref)]
        if len(living) == len(references):
            return None
        if living:
            return Transaction(update(obj, with_metadata(obj, ownerReferences=living)))
        return Transaction(self._delete(obj, now))

    def _delete(self, obj: Object, now: Instant) -> Any:
        if obj.get("kind") == "Pod":
            return delete_pod(obj, now, self._settings.termination_grace_ms)
        return delete(obj, now)

    def _owners(
        self, snapshot: Snapshot, namespace: str, dependents: list[Object], now: Instant
    ) -> Iterator[Transaction]:
        for collection in OWNED:
            for owner in snapshot.list(*collection, namespace):
                if not is_deleting(owner):
                    continue
                finalizers = metadata(owner).get("finalizers") or ()
                if FINALIZER_ORPHAN in finalizers:
                    yield from _orphan(owner, dependents)
                elif FINALIZER_FOREGROUND in finalizers:
                    yield from self._foreground(owner, dependents, now)

    def _foreground(
        self, owner: Object, dependents: list[Object], now: Instant
    ) -> Iterator[Transaction]:
        """Delete what it owns; let it go when none of those that block it is left."""
        owned = [obj for obj in dependents if _reference(obj, owner) is not None]
        for obj in owned:
            if not is_deleting(obj):
                yield Transaction(self._delete(_holding(obj, dependents), now))
        if not any((_reference(obj, owner) or {}).get("blockOwnerDeletion") for obj in owned):
            yield Transaction(release(owner, FINALIZER_FOREGROUND))


def _holding(obj: Object, dependents: list[Object]) -> Object:
    """Copy so that it, too, waits for what it owns: a ReplicaSet for its Pods."""
    owns = any((_reference(one, obj) or {}).get("blockOwnerDeletion") for one in dependents)
    finalizers = metadata(obj).get("finalizers") or []
    if not owns or FINALIZER_FOREGROUND in finalizers:
        return obj
    return with_metadata(obj, finalizers=[*finalizers, FINALIZER_FOREGROUND])


def _orphan(owner: Object, dependents: list[Object]) -> Iterator[Transaction]:
    """Make what it owns nobody's, then let it go, in one transaction."""
    joined = Transaction()
    for obj in dependents:
        if _reference(obj, owner) is not None:
            left = [r for r in metadata(obj)["ownerReferences"] if r.get("uid") != uid_of(owner)]
            joined += Transaction(update(obj, with_metadata(obj, ownerReferences=left or None)))
    yield joined + Transaction(release(owner, FINALIZER_ORPHAN))


def _reference(obj: Object, owner: Object) -> dict[str, Any] | None:
    for reference in metadata(obj).get("ownerReferences") or ():
        if reference.get("uid") == uid_of(owner):
            return dict(reference)
    return None


def lives(snapshot: Snapshot, obj: Object, reference: dict[str, Any]) -> bool:
    """Say whether an owner is there. One of a kind that is not served here is left alone."""
    resource = _resource_of(reference)
    if resource is None:
        return True
    owner = snapshot.get(resource.key(metadata(obj).get("namespace", ""), reference["name"]))
    return owner is not None and uid_of(owner) == reference.get("uid")


def is_served(reference: dict[str, Any]) -> bool:
    """Say whether an owner is of a kind that is served here."""
    return _resource_of(reference) is not None


def _resource_of(reference: dict[str, Any]) -> Resource | None:
    return BY_KIND.get((reference.get("apiVersion", ""), reference.get("kind", "")))


_NEVER_OWN = frozenset({"events", "leases", "contracts", "clearings", "books", "accounts"}) | {
    "forwardcurves",
    "pricehistories",
}
