"""What a new cloud holds before anybody uses it: its namespaces. Next: `main.py`."""

from __future__ import annotations

from collections.abc import Callable

from busbar.model.objects import Key, Object
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import NAMESPACE_LEASES, NAMESPACE_SYSTEM
from busbar.store.contract import ABSENT, Put, Store, Transaction

NAMESPACES = ("default", "kube-system", NAMESPACE_LEASES, NAMESPACE_SYSTEM)


async def bootstrap(store: Store, now: Instant, new_uid: Callable[[], str]) -> None:
    """Make what is missing; what is there is left alone."""
    for name in NAMESPACES:
        key = Key("", "namespaces", "", name)
        if await store.get(key) is None:
            await store.commit(Transaction((Put(key, _namespace(name, now, new_uid()), ABSENT),)))


def _namespace(name: str, now: Instant, uid: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": uid,
            "creationTimestamp": format_instant(now),
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
