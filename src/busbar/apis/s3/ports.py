"""What the door needs from outside, as protocols: who may come in, and which buckets there are.

The server implements them by Secrets and Bucket objects; tests by dictionaries. Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from busbar.model.time import Instant

Clock = Callable[[], Instant]


class AccessKey(NamedTuple):
    """A namespace's access key. With `read_only` it may not change anything.

    `buckets` are those it opens; None for all of the namespace.
    """

    id: str
    secret: str
    namespace: str
    read_only: bool = False
    buckets: frozenset[str] | None = None


class Bucket(NamedTuple):
    """A bucket of one namespace. Data belongs to the `uid`, so a namesake starts empty."""

    name: str
    uid: str
    created: Instant


class Credentials(Protocol):
    """Access keys, looked up in memory: it is asked on every request."""

    def lookup(self, access_key_id: str) -> AccessKey | None:
        """Give the key of that id, or None."""


class Meter(Protocol):
    """Is told of every request's bodies: what was read by a key, what was written."""

    def moved(self, access_key_id: str, read: int, written: int) -> None:
        """Count bytes; called once a request, also for one that broke off."""


class NoMeter:
    """Counts nothing."""

    def moved(self, access_key_id: str, read: int, written: int) -> None:
        """Forget it."""


class BucketDirectory(Protocol):
    """The buckets of each namespace. Names are unique per namespace, not globally."""

    async def find(self, namespace: str, name: str) -> Bucket | None:
        """Give the bucket, or None."""

    async def list(self, namespace: str) -> Sequence[Bucket]:
        """Give all buckets of a namespace, in any order."""

    async def create(self, namespace: str, name: str) -> Bucket | None:
        """Create a bucket; None if the namespace has one of that name already."""

    async def delete(self, namespace: str, bucket: Bucket) -> None:
        """Remove a bucket that the door has found empty; absent is fine."""
