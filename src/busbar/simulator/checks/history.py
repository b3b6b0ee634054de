"""I7 and I8: revisions only grow, a watch misses nothing, the same key has one effect.

Next: `clearings.py`.
"""

from __future__ import annotations

from busbar.model.objects import Key, Object, metadata
from busbar.simulator.checks.base import Step, insist
from busbar.store.contract import Committed, Event, EventType, Put, Refused, Transaction, Why
from busbar.store.memory import MemoryStore
from busbar.store.watching import LogWatch

EVERY = 64
"""Commits between two comparisons of what they changed, as watched and in the store."""


class HistoryCheck:
    """Keeps a copy of everything from a watch alone, and tries old writes again."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._watch: LogWatch = store.watch_all(after=0)
        self._copy: dict[Key, Object] = {}
        self._revision = 0
        self._watched = 0
        self._count = 0
        self._touched: set[Key] = set()
        self._since_whole = 0
        self._previous: Put | None = None

    def look(self, step: Step) -> None:
        """Check one commit."""
        revision = step.view.revision
        changes = bool(step.put or step.deleted)
        grown = revision > self._revision if changes else revision == self._revision
        insist(grown, "I7", f"revision {revision} follows revision {self._revision}")
        self._revision = revision
        self._touched.update(key for key, _ in step.put)
        self._touched.update(step.deleted)
        for key, obj in step.put:
            said = int(metadata(obj)["resourceVersion"])
            insist(said == revision, "I7", f"{key} is put at {revision} and says {said}")
        self._count += 1
        if self._count % EVERY == 0:
            self._compare_touched()
            self._again(step)

    def _compare_touched(self) -> None:
        """Compare what changed since; everything, once as many commits as objects have passed."""
        self._since_whole += EVERY
        if self._since_whole >= len(self._copy):
            self.compare()
            return
        self._take()
        view = self._store.snapshot_now()
        for key in self._touched:
            same = self._copy.get(key) is view.get(key)
            insist(same, "I7", f"a watch has another {key} than the store")
        self._touched.clear()

    def _take(self) -> None:
        for event in self._watch.take():
            self._apply(event)

    def compare(self) -> None:
        """Check that the watch alone gave what the store has."""
        self._take()
        self._since_whole = 0
        self._touched.clear()
        view = self._store.snapshot_now()
        there = {
            (group, resource): list(view.list(group, resource))
            for group, resource in view.collections()
        }
        count = sum(len(found) for found in there.values())
        sentence = f"a watch knows {len(self._copy)} objects, the store has {count}"
        insist(len(self._copy) == count, "I7", sentence)
        for key, obj in self._copy.items():
            insist(view.get(key) is obj, "I7", f"a watch has another {key} than the store")

    def _apply(self, event: Event) -> None:
        later = event.revision >= self._watched
        insist(later, "I7", f"the watch gives {event.revision} after {self._watched}")
        self._watched = event.revision
        known = self._copy.get(event.key)
        insist(event.previous is known, "I7", f"the watch missed a change of {event.key}")
        insist((known is None) == (event.type is EventType.ADDED), "I7", f"{event.key}: wrong type")
        if event.type is EventType.DELETED:
            del self._copy[event.key]
        else:
            self._copy[event.key] = event.obj

    def _again(self, step: Step) -> None:
        """Try an entry again, the same and altered; put at an old revision."""
        balances = self._store.snapshot_now().balances()
        for sealed in self._store.journal_now()[-1:]:
            entry = sealed.entry
            same = self._store.commit_now(Transaction((), (entry,)))
            kept = self._store.snapshot_now().balances() == balances
            insist(isinstance(same, Committed) and kept, "I8", f"{entry.id} again has an effect")
            other = entry._replace(memo=entry.memo + "?")
            answer = self._store.commit_now(Transaction((), (other,)))
            refused = isinstance(answer, Refused) and answer.why is Why.IDEMPOTENCY
            insist(refused, "I8", f"{entry.id} is taken again with other contents")
        if self._previous is not None:
            stale = self._store.commit_now(Transaction((self._previous,)))
            insist(
                isinstance(stale, Refused), "I7", f"{self._previous.key} was put at an old revision"
            )
        puts = [op for op in step.transaction.ops if isinstance(op, Put) and op.expect > 0]
        self._previous = puts[0] if puts else None
