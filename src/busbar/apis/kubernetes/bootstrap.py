"""What is there from the start: the namespaces that a Kubernetes cluster always has.

Called once at start, before the door opens; doing it again changes nothing.
"""

from __future__ import annotations

from busbar.apis.kubernetes.admission.reserved import PROTECTED_NAMESPACES
from busbar.apis.kubernetes.ports import Clock, NewUid
from busbar.model.objects import Key, Object
from busbar.model.time import format_instant
from busbar.store.contract import ABSENT, Committed, Put, Store, Transaction, Why


async def ensure_namespaces(store: Store, clock: Clock, new_uid: NewUid) -> None:
    """Create those of the standing namespaces that are missing."""
    for name in PROTECTED_NAMESPACES:
        key = Key("", "namespaces", "", name)
        if await store.get(key) is not None:
            continue
        put = Put(key, _namespace(name, format_instant(clock()), new_uid()), ABSENT)
        result = await store.commit(Transaction((put,)))
        if not isinstance(result, Committed) and result.why is not Why.ALREADY_EXISTS:
            raise RuntimeError(f"namespace {name} cannot be created: {result.message}")


def _namespace(name: str, created: str, uid: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": uid,
            "creationTimestamp": created,
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {},
        "status": {"phase": "Active"},
    }
