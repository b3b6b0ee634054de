"""A collection of the store kept at hand, so that looking something up costs no await.

Fed by list and watch, as every client is; starts again from a list after `Compacted`.
Next: `identities.py`, which keeps tokens and access keys this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from busbar.model.objects import Key, Object, name_of, namespace_of
from busbar.store.contract import Compacted, EventType, Store

T = TypeVar("T")


class Informer(Generic[T]):
    """Follows one collection and keeps what `read` makes of each object (None: not kept)."""

    def __init__(
        self, store: Store, group: str, resource: str, read: Callable[[Object], T | None]
    ) -> None:
        self._store = store
        self._group = group
        self._resource = resource
        self._read = read
        self._kept: dict[Key, T] = {}
        self._changed: list[Callable[[], None]] = []
        self.ready = asyncio.Event()

    def get(self, namespace: str, name: str) -> T | None:
        """Give what is kept of one object."""
        return self._kept.get(Key(self._group, self._resource, namespace, name))

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._kept.values()))

    def on_change(self, call: Callable[[], None]) -> None:
        """Call after each batch of changes."""
        self._changed.append(call)

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                await self._follow()
            except Compacted:
                continue

    async def _follow(self) -> None:
        page = await self._store.list(self._group, self._resource)
        self._kept = {}
        for obj in page.items:
            self._keep(Key(self._group, self._resource, namespace_of(obj), name_of(obj)), obj)
        self._tell()
        self.ready.set()
        watch = self._store.watch(self._group, self._resource, after=page.revision)
        try:
            async for batch in watch:
                for event in batch:
                    if event.type is EventType.DELETED:
                        self._kept.pop(event.key, None)
                    else:
                        self._keep(event.key, event.obj)
                self._tell()
        finally:
            watch.close()

    def _keep(self, key: Key, obj: Object) -> None:
        value = self._read(obj)
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value

    def _tell(self) -> None:
        for call in self._changed:
            call()
