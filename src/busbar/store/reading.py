"""All reading, the same for both engines of this process: from a view and the history.

What is here is what others may see: an engine shows an effect only once it is durable.
Next: `memory.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from busbar.model.objects import Key, Object
from busbar.store.contract import Page, Revision
from busbar.store.history import Batch, History
from busbar.store.judge import Effect
from busbar.store.sortedmap import Frozen, SortedMap
from busbar.store.view import View, page, place_of
from busbar.store.watching import LogWatch

PAGED_VIEWS: Final = 8
"""Views kept for paged lists under way; older ones are rebuilt from the history."""


class Readable:
    """The reading half of the contract's `Store`."""

    def __init__(self, view: View, history: History) -> None:
        self._visible = view
        self._history = history
        self._paged: OrderedDict[Revision, View] = OrderedDict()

    async def get(self, key: Key) -> Object | None:
        """Give an object at the latest revision, or None."""
        return self._visible.get(key)

    async def snapshot(self) -> View:
        """Give a consistent view of the latest revision."""
        return self._visible

    async def revision(self) -> Revision:
        """Give the latest revision."""
        return self._visible.revision

    async def list(
        self,
        group: str,
        resource: str,
        namespace: str | None = None,
        *,
        limit: int = 0,
        start: Key | None = None,
        at: Revision | None = None,
        where: Callable[[Object], bool] | None = None,
    ) -> Page:
        """List a collection; see the contract."""
        view = self._visible
        revision = view.revision if at is None else at
        collection = self._collection_at(group, resource, revision)
        found = page(collection, revision, group, resource, namespace, limit, start, where)
        if found.next_key is not None and revision == view.revision:
            self._keep(view)
        return found

    def watch(
        self, group: str, resource: str, namespace: str | None = None, *, after: Revision
    ) -> LogWatch:
        """Watch a collection for changes after a revision; raises `Compacted`."""
        self._history.check(after, self._visible.revision)
        return LogWatch(self._history, (group, resource), namespace, after)

    def watch_all(self, *, after: Revision) -> LogWatch:
        """Watch everything; for controllers."""
        self._history.check(after, self._visible.revision)
        return LogWatch(self._history, None, None, after)

    def _collection_at(self, group: str, resource: str, at: Revision) -> Frozen[Object]:
        """Give a collection as it was at a revision: kept for a paged list, or rebuilt."""
        if at == self._visible.revision:
            return self._visible.collection(group, resource)
        self._history.check(at, self._visible.revision)
        kept = self._paged.get(at)
        if kept is not None:
            return kept.collection(group, resource)
        log = self._history.log((group, resource))
        start = log.position_after(at)
        before: dict[str, Object | None] = {}
        for batch in reversed(log.read(start, log.end - start)):
            for event in batch.events:
                before[place_of(event.key)] = event.previous
        return _undone(self._visible.collection(group, resource), before)

    def _keep(self, view: View) -> None:
        self._paged[view.revision] = view
        floor = self._history.floor
        while len(self._paged) > PAGED_VIEWS or next(iter(self._paged)) < floor:
            self._paged.popitem(last=False)

    def _publish(self, view: View, effects: Iterable[Effect]) -> None:
        """Make effects visible: reads first, then watches."""
        self._visible = view
        for effect in effects:
            if effect.changes:
                size = sum(len(event.body) for event in effect.changes)
                self._history.append(Batch(effect.committed.revision, effect.changes, size))


def _undone(now: Frozen[Object], before: dict[str, Object | None]) -> Frozen[Object]:
    then: SortedMap[Object] = SortedMap()
    for place, obj in now.items():
        if place not in before:
            then.set(place, obj)
    for place, past in before.items():
        if past is not None:
            then.set(place, past)
    return then
