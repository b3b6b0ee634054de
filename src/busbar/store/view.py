"""What the store holds at one moment: `View` never changes, `State` is where changes are made.

A view is what snapshots and reads see. Taking one costs microseconds whatever its size: only the
collections changed since the last one are frozen anew. Next: `judge.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from busbar.ledger.chain import GENESIS
from busbar.model.objects import Key, Object
from busbar.store.contract import Page, Revision, Snapshot
from busbar.store.sortedmap import Frozen, SortedMap

Collection = tuple[str, str]
"""Group and resource: the first two parts of a key."""

_EMPTY: Final[Frozen[Object]] = SortedMap[Object]().freeze()


def place_of(key: Key) -> str:
    """Give the sort key within a collection: by namespace, then by name."""
    return f"{key.namespace}\0{key.name}"


class Head(NamedTuple):
    """The end of the journal: its last sequence number and hash."""

    seq: int = 0
    hash: str = GENESIS


class View:
    """Everything at one revision; keeps the contract's `Snapshot`."""

    __slots__ = ("_balances", "_collections", "head", "revision")

    def __init__(
        self,
        revision: Revision,
        collections: Mapping[Collection, Frozen[Object]],
        balances: Frozen[int],
        head: Head,
    ) -> None:
        self.revision = revision
        self.head = head
        self._collections = collections
        self._balances = balances

    def get(self, key: Key) -> Object | None:
        """Give an object, or None."""
        return self.collection(key.group, key.resource).get(place_of(key))

    def list(self, group: str, resource: str, namespace: str | None = None) -> Sequence[Object]:
        """Give a collection, of one namespace or all, ordered by (namespace, name)."""
        return self.collection(group, resource).values(*_range(namespace, None))

    def changes(
        self, since: Snapshot | None, group: str, resource: str
    ) -> Iterable[tuple[Object | None, Object | None]]:
        """Give what differs from another snapshot of the store."""
        before = since.collection(group, resource) if isinstance(since, View) else _EMPTY
        return ((old, new) for _, old, new in self.collection(group, resource).changes(before))

    def balance(self, account: str) -> int:
        """Give an account's balance."""
        return self._balances.get(account) or 0

    def balances(self) -> dict[str, int]:
        """Give all balances."""
        return dict(self._balances.items())

    def collection(self, group: str, resource: str) -> Frozen[Object]:
        """Give a collection as it is stored."""
        return self._collections.get((group, resource), _EMPTY)

    def collections(self) -> Mapping[Collection, Frozen[Object]]:
        """Give all collections."""
        return self._collections


def page(
    collection: Frozen[Object],
    revision: Revision,
    group: str,
    resource: str,
    namespace: str | None,
    limit: int,
    start: Key | None,
    where: Callable[[Object], bool] | None,
) -> Page:
    """Cut a page out of a collection."""
    low, high = _range(namespace, start)
    if not limit:
        objects: Sequence[Object] = collection.values(low, high)
        if where is not None:
            objects = [obj for obj in objects if where(obj)]
        return Page(revision, tuple(objects))
    found: list[Object] = []
    for place, obj in collection.items(low, high):
        if where is not None and not where(obj):
            continue
        if len(found) == limit:
            remaining = collection.count(place, high) if where is None else 0
            next_key = Key(group, resource, *place.split("\0", 1))
            return Page(revision, tuple(found), next_key, remaining)
        found.append(obj)
    return Page(revision, tuple(found))


def _range(namespace: str | None, start: Key | None) -> tuple[str, str | None]:
    low = "" if namespace is None else f"{namespace}\0"
    high = None if namespace is None else f"{namespace}\1"
    return (low if start is None else max(low, place_of(start))), high


class State:
    """The changing side: objects, balances, the end of the journal, the revision."""

    def __init__(self) -> None:
        self.revision: Revision = 0
        self.head = Head()
        self._collections: dict[Collection, SortedMap[Object]] = {}
        self._frozen: dict[Collection, Frozen[Object]] = {}
        self._dirty: set[Collection] = set()
        self._balances: SortedMap[int] = SortedMap()
        self._view: View | None = None

    def view(self) -> View:
        """Freeze what is now."""
        if self._view is None:
            if self._dirty:
                changed = {name: self._collections[name].freeze() for name in self._dirty}
                self._frozen = {**self._frozen, **changed}
                self._dirty.clear()
            self._view = View(self.revision, self._frozen, self._balances.freeze(), self.head)
        return self._view

    def get(self, key: Key) -> Object | None:
        """Give an object, or None."""
        collection = self._collections.get((key.group, key.resource))
        return collection.get(place_of(key)) if collection is not None else None

    def balance(self, account: str) -> int:
        """Give an account's balance."""
        return self._balances.get(account) or 0

    def put(self, key: Key, obj: Object) -> None:
        """Set an object."""
        self._collection(key).set(place_of(key), obj)

    def delete(self, key: Key) -> None:
        """Remove an object."""
        self._collection(key).remove(place_of(key))

    def set_balances(self, changed: Mapping[str, int]) -> None:
        """Set some balances."""
        for account, balance in changed.items():
            self._balances.set(account, balance)
        self._view = None

    def move_to(self, revision: Revision, head: Head) -> None:
        """Say at which revision and journal entry the state now is."""
        self.revision, self.head = revision, head
        self._view = None

    def _collection(self, key: Key) -> SortedMap[Object]:
        name = (key.group, key.resource)
        self._dirty.add(name)
        self._view = None
        collection = self._collections.get(name)
        if collection is None:
            collection = self._collections[name] = SortedMap()
        return collection
