"""Access keys and buckets in dictionaries: the ports' promises without a server behind them.

For tests, benchmarks and the standalone door. Next: `standalone.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from busbar.apis.s3.ports import AccessKey, Bucket, Clock
from busbar.model.ids import derived_uid


class MemoryCredentials:
    """Access keys by id."""

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self._keys = {key.id: key for key in keys}

    def lookup(self, access_key_id: str) -> AccessKey | None:
        """Give the key of that id, or None."""
        return self._keys.get(access_key_id)


class MemoryDirectory:
    """Buckets by namespace and name. A name that is created again gets another uid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._deleted = 0

    async def find(self, namespace: str, name: str) -> Bucket | None:
        """Give the bucket, or None."""
        return self._buckets.get((namespace, name))

    async def list(self, namespace: str) -> Sequence[Bucket]:
        """Give all buckets of a namespace."""
        return [bucket for (owner, _), bucket in self._buckets.items() if owner == namespace]

    async def create(self, namespace: str, name: str) -> Bucket | None:
        """Create a bucket; None if there is one."""
        if (namespace, name) in self._buckets:
            return None
        uid = derived_uid("bucket", namespace, name, self._deleted)
        bucket = self._buckets[namespace, name] = Bucket(name, uid, self._clock())
        return bucket

    async def delete(self, namespace: str, bucket: Bucket) -> None:
        """Remove a bucket; absent is fine."""
        if self._buckets.pop((namespace, bucket.name), None) is not None:
            self._deleted += 1
