"""Namespaces: an account at birth, an empty house at the end. Next: `accounts.py`.

A deleted namespace goes when nothing is left in it. Open contracts hold it until their Pods have
ended and they are settled: no deletion makes work unpaid. What is held for its Procurements ends
with it (`contracts/held.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.parts.deletion import delete, delete_pod
from busbar.controllers.parts.funds import account_key
from busbar.controllers.parts.writes import create, new_object, remove, update_status
from busbar.controllers.settings import Settings
from busbar.model.ids import derived_uid
from busbar.model.objects import Key, Object, is_deleting, metadata, name_of, status_of, uid_of
from busbar.model.resources import BY_COLLECTION
from busbar.model.time import SECOND, Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, EventType, Op, Snapshot, Transaction

NAMESPACES: Collection = ("", "namespaces")
CONTAINED: tuple[Collection, ...] = tuple(
    collection for collection, resource in BY_COLLECTION.items() if resource.namespaced
)


class NamespaceController:
    """Gives every namespace its Account, and empties those that are deleted."""

    name = "namespaces"
    watches: tuple[Collection, ...] = (NAMESPACES, *CONTAINED)
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a namespace for itself, for its Account, and for each object that leaves it."""
        if event.key.resource == "namespaces":
            return (event.key,)
        left = event.type is EventType.DELETED
        closed = event.key.resource == "contracts" and status_of(event.obj).get("phase") == "Closed"
        return (Key("", "namespaces", "", event.key.namespace),) if left or closed else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one namespace."""
        namespace = snapshot.get(key)
        if namespace is None:
            return NOTHING
        if is_deleting(namespace):
            return self._empty(snapshot, namespace, now)
        if snapshot.get(account_key(key.name)) is not None:
            return NOTHING
        account = new_object(account_key(key.name), derived_uid("account", uid_of(namespace)), now)
        return decide(create({**account, "spec": {}}), note=f"namespace {key.name} has an account")

    def _empty(self, snapshot: Snapshot, namespace: Object, now: Instant) -> Decision:
        name = name_of(namespace)
        inside = [obj for collection in CONTAINED for obj in snapshot.list(*collection, name)]
        if not inside:
            if metadata(namespace).get("finalizers"):
                return NOTHING
            return decide(remove(namespace), note=f"namespace {name} is empty: removed")
        ops = [self._clear(obj, now) for obj in inside]
        phase = update_status(namespace, phase="Terminating")
        done = [Transaction(op) for op in (phase, *ops) if op]
        note = f"namespace {name} is being emptied: {len(inside)} objects left"
        return Decision(tuple(done), now + SECOND, note if done else "")

    def _clear(self, obj: Object, now: Instant) -> tuple[Op, ...]:
        if obj.get("kind") == "Pod":
            return delete_pod(obj, now, self._settings.termination_grace_ms)
        is_contract = obj.get("kind") == "Contract" and obj["apiVersion"].startswith(GROUP)
        if is_contract and status_of(obj).get("phase") != "Closed":
            return ()
        return delete(obj, now)
