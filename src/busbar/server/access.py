"""Who may use which bucket: access keys of namespaces and of Pods, and the Bucket objects.

Implements what the S3 door asks of its surroundings, from the store. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from busbar.model.objects import Key, Object, is_deleting, name_of, namespace_of, stamped, uid_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import API_VERSION, GROUP, NAMESPACE_LEASES, NAMESPACE_SYSTEM, S3_KEY
from busbar.server.identities import AccessKey, new_access_key, read_access_key
from busbar.server.informer import Informer
from busbar.server.podkeys import PREFIX, BucketPod, PodKeys, read_bucket_pod
from busbar.store.contract import ABSENT, Delete, Put, Refused, Store, Transaction, Why

_NO_KEY = frozenset({"kube-system", NAMESPACE_LEASES, NAMESPACE_SYSTEM})


class Grant(NamedTuple):
    """What an access key opens: a namespace's buckets, all (None) or some."""

    id: str
    secret: str
    namespace: str
    buckets: frozenset[str] | None = None


class AccessKeys:
    """Looks access keys up, without waiting: from what two informers keep."""

    def __init__(self, store: Store, pod_keys: PodKeys) -> None:
        self._pod_keys = pod_keys
        self.secrets: Informer[AccessKey] = Informer(store, "", "secrets", read_access_key)
        self.pods: Informer[BucketPod] = Informer(store, "", "pods", read_bucket_pod)
        self._by_id: dict[str, AccessKey] = {}
        self._by_pod: dict[str, BucketPod] = {}
        self.secrets.on_change(self._index_secrets)
        self.pods.on_change(self._index_pods)

    def lookup(self, key_id: str) -> Grant | None:
        """Give what a key opens; None where it is unknown or no longer good."""
        if key_id.startswith(PREFIX):
            pod = self._by_pod.get(key_id.removeprefix(PREFIX))
            if pod is None:
                return None
            return Grant(key_id, self._pod_keys.secret(pod.uid), pod.namespace, pod.buckets)
        found = self._by_id.get(key_id)
        return Grant(found.id, found.secret, found.namespace) if found else None

    def pod(self, uid: str) -> BucketPod | None:
        """Give a bound, unfinished Pod that mounts buckets."""
        return self._by_pod.get(uid)

    def _index_secrets(self) -> None:
        self._by_id = {key.id: key for key in self.secrets}

    def _index_pods(self) -> None:
        self._by_pod = {pod.uid: pod for pod in self.pods}


async def keep_namespace_keys(
    store: Store,
    namespaces: Informer[str],
    clock: Callable[[], Instant],
    new_uid: Callable[[], str],
) -> None:
    """See to it that every consumer's namespace has an S3 access key, for ever."""
    changed = asyncio.Event()
    namespaces.on_change(changed.set)
    while True:
        for name in namespaces:
            key = Key("", "secrets", name, S3_KEY)
            if await store.get(key) is None:
                made = stamped(new_access_key(name, S3_KEY), new_uid(), format_instant(clock()))
                await store.commit(Transaction((Put(key, made, ABSENT),)))
        await changed.wait()
        changed.clear()


def read_consumer_namespace(obj: Object) -> str | None:
    """Give the name of a namespace that consumers use; None for the system's own."""
    name = name_of(obj)
    return None if name in _NO_KEY or is_deleting(obj) else name


class KnownBucket(NamedTuple):
    """A Bucket object, as far as others need it."""

    namespace: str
    name: str
    uid: str


class Buckets:
    """The S3 door's buckets are Bucket objects: what one makes, the other sees."""

    def __init__(
        self, store: Store, clock: Callable[[], Instant], new_uid: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_uid = new_uid
        self.known: Informer[KnownBucket] = Informer(store, GROUP, "buckets", _read_bucket)

    async def create(self, namespace: str, name: str) -> bool:
        """Make a bucket; False where it exists already."""
        now = format_instant(self._clock())
        bucket: Object = {
            "apiVersion": API_VERSION,
            "kind": "Bucket",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": self._new_uid(),
                "creationTimestamp": now,
                "generation": 1,
            },
            "spec": {},
            "status": {"phase": "Ready"},
        }
        put = Put(Key(GROUP, "buckets", namespace, name), bucket, ABSENT)
        outcome = await self._store.commit(Transaction((put,)))
        if isinstance(outcome, Refused) and outcome.why is Why.ALREADY_EXISTS:
            return False
        return not isinstance(outcome, Refused)

    async def delete(self, namespace: str, name: str, uid: str) -> None:
        """Remove a bucket's object; fine where there is none, or a namesake by now."""
        key = Key(GROUP, "buckets", namespace, name)
        while (bucket := await self._store.get(key)) is not None and uid_of(bucket) == uid:
            delete = Delete(key, int(bucket["metadata"]["resourceVersion"]))
            if not isinstance(await self._store.commit(Transaction((delete,))), Refused):
                return

    async def get(self, namespace: str, name: str) -> Object | None:
        """Give a Bucket object."""
        return await self._store.get(Key(GROUP, "buckets", namespace, name))

    async def list(self, namespace: str) -> tuple[Object, ...]:
        """Give the Bucket objects of a namespace, ordered by name."""
        return (await self._store.list(GROUP, "buckets", namespace)).items

    async def uids(self) -> frozenset[str]:
        """Give the uid of every bucket there is now, by the store itself: informers lag behind."""
        return frozenset(uid_of(obj) for obj in (await self._store.list(GROUP, "buckets")).items)


def _read_bucket(obj: Object) -> KnownBucket:
    return KnownBucket(namespace_of(obj), name_of(obj), uid_of(obj))
