"""Every engine against a tiny model: any order of commits, watches, compactions and restarts."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from busbar.ledger import fold, settlement
from busbar.ledger.entries import Entry, has_floor
from busbar.model.objects import Key
from busbar.store.contract import (
    ABSENT,
    ANY,
    EXISTS,
    Committed,
    Compacted,
    Delete,
    Event,
    EventType,
    Put,
    Refused,
    Require,
    Transaction,
    Why,
)
from busbar.store.memory import MemoryStore
from busbar.store.sqlite import SqliteStore, verify
from busbar.store.watching import LogWatch

KEYS = [Key("", resource, ns, name) for resource in "xy" for ns in "ab" for name in "pq"]
OPS = st.sampled_from(["put", "delete", "require"])
EXPECT = st.sampled_from(["any", "absent", "exists", "right", "stale"])
STEPS = st.lists(st.tuples(OPS, st.sampled_from(KEYS), EXPECT), min_size=1, max_size=4)


def money(kind: str, namespace: str, amount: int, number: int) -> Entry:
    if kind == "top-up":
        return settlement.top_up(namespace, amount, 1, str(number))
    if kind == "hold":
        return settlement.hold(str(number), namespace, amount, 1)
    return settlement.release(str(number), namespace, amount, 1)


MONEY = st.lists(
    st.builds(
        money,
        st.sampled_from(["top-up", "hold", "release"]),
        st.sampled_from("ab"),
        st.integers(1, 5),
        st.integers(0, 6),
    ),
    max_size=2,
)


class Model:
    """What a store should be: dicts and lists."""

    def __init__(self) -> None:
        self.objects: dict[Key, tuple[int, int]] = {}
        self.events: list[tuple[EventType, int, Key]] = []
        self.entries: list[Entry] = []
        self.floor = 0

    def why_not(self, ops: list[Any], entries: list[Entry]) -> Why | None:
        changed = [op.key for op in ops if not isinstance(op, Require)]
        if len(set(changed)) < len(changed):
            return Why.MALFORMED
        for op in ops:
            present = self.objects.get(op.key)
            if op.expect == ABSENT and present:
                return Why.ALREADY_EXISTS
            if op.expect not in (ANY, ABSENT) and not present:
                return Why.NOT_FOUND
            if op.expect > 0 and present and present[0] != op.expect:
                return Why.CONFLICT
        return self._why_not_money(entries)

    def _why_not_money(self, entries: list[Entry]) -> Why | None:
        known = {e.id: e for e in self.entries}
        balances = fold.fold(self.entries)
        for entry in entries:
            if entry.id in known:
                if known[entry.id] != entry:
                    return Why.IDEMPOTENCY
                continue
            known[entry.id] = entry
            balances = fold.fold([entry], balances)
            if any(balances[a] < 0 and has_floor(a) for a, _ in entry.postings):
                return Why.INSUFFICIENT_FUNDS
        return None

    def apply(self, ops: list[Any], entries: list[Entry], revision: int, content: int) -> None:
        for op in ops:
            if isinstance(op, Put):
                kind = EventType.MODIFIED if op.key in self.objects else EventType.ADDED
                self.objects[op.key] = (revision, content)
                self.events.append((kind, revision, op.key))
            elif isinstance(op, Delete) and self.objects.pop(op.key, None):
                self.events.append((EventType.DELETED, revision, op.key))
        known = {e.id for e in self.entries}
        for entry in entries:
            if entry.id not in known:
                known.add(entry.id)
                self.entries.append(entry)


class StoreMachine(RuleBasedStateMachine):
    """One engine, driven in one event loop."""

    durable: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.store: Any = None
        self.abandoned: list[Any] = []
        self.model = Model()
        self.watches: list[tuple[LogWatch, str | None, list[Event], int]] = []
        self.content = 0
        self.generation = 0

    @initialize()
    def open(self) -> None:
        self.store = self._open()

    def _open(self) -> Any:
        if not self.durable:
            return MemoryStore()
        return SqliteStore.open(self.folder / str(self.generation))

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 30))

    def teardown(self) -> None:
        for store in (self.store, *self.abandoned):
            if store is not None:
                self.run(store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(steps=STEPS, entries=MONEY)
    def commit(self, steps: list[tuple[str, Key, str]], entries: list[Entry]) -> None:
        self.content += 1
        ops = [self._op(*step) for step in steps]
        outcome = self.run(self.store.commit(Transaction(tuple(ops), tuple(entries))))
        self._compare(outcome, ops, entries)

    @rule(steps=st.lists(STEPS, min_size=2, max_size=5))
    def commit_many_at_once(self, steps: list[list[tuple[str, Key, str]]]) -> None:
        self.content += 1
        batch = [[self._op(*step) for step in one] for one in steps]

        async def all_at_once() -> Any:
            tries = [self.store.commit(Transaction(tuple(ops))) for ops in batch]
            return await asyncio.gather(*tries)

        for ops, outcome in zip(batch, self.run(all_at_once()), strict=True):
            self._compare(outcome, ops, [])

    def _op(self, kind: str, key: Key, expect: str) -> Any:
        present = self.model.objects.get(key, (1, 0))[0]
        wanted = {"any": ANY, "absent": ABSENT, "exists": EXISTS, "right": present}.get(expect)
        wanted = max(1, present - 1) if wanted is None else wanted
        if kind == "put":
            return Put(key, {"metadata": {"name": key.name}, "content": self.content}, wanted)
        if kind == "delete":
            return Delete(key, wanted)
        return Require(key, EXISTS if wanted == ANY else wanted)

    def _compare(self, outcome: Any, ops: list[Any], entries: list[Entry]) -> None:
        why = self.model.why_not(ops, entries)
        if why is not None:
            assert isinstance(outcome, Refused)
            assert outcome.why is why
            return
        assert isinstance(outcome, Committed), outcome
        before = len(self.model.events)
        last = self.model.events[-1][1] if self.model.events else 0
        self.model.apply(ops, entries, outcome.revision, self.content)
        assert (outcome.revision > last) or len(self.model.events) == before

    @rule(collection=st.sampled_from([None, "x", "y"]), back=st.integers(0, 10))
    def watch(self, collection: str | None, back: int) -> None:
        known = [revision for _, revision, _ in self.model.events]
        after = known[max(0, len(known) - 1 - back)] if known else self._revision()
        try:
            if collection is None:
                watch = self.store.watch_all(after=after)
            else:
                watch = self.store.watch("", collection, after=after)
        except Compacted:
            assert after < self.model.floor
        else:
            assert after >= self.model.floor
            self.watches.append((watch, collection, [], after))

    @rule(back=st.integers(0, 5))
    def compact(self, back: int) -> None:
        revision = max(0, self._revision() - back)
        self.run(self.store.compact(revision))
        self.model.floor = max(self.model.floor, revision)
        self._drain()

    @precondition(lambda self: self.durable)
    @rule()
    def restart(self) -> None:
        self._drain()
        self.run(self.store.close())
        self.store = self._open()
        self.watches.clear()

    @precondition(lambda self: self.durable)
    @rule()
    def lose_power(self) -> None:
        """Go on from a copy of the files as they are, without a farewell."""
        self._drain()
        self.generation += 1
        self.abandoned.append(self.store)
        source = self.folder / str(self.generation - 1)
        shutil.copytree(source, self.folder / str(self.generation))
        self.store = self._open()
        self.watches.clear()

    def _revision(self) -> int:
        revision: int = self.run(self.store.revision())
        return revision

    def _drain(self) -> None:
        kept = []
        for watch, collection, seen, after in self.watches:
            try:
                seen.extend(watch.take())
            except Compacted:
                continue
            expected = [
                (kind, revision, key)
                for kind, revision, key in self.model.events
                if revision > after and collection in (None, key.resource)
            ]
            assert [(e.type, e.revision, e.key) for e in seen] == expected
            kept.append((watch, collection, seen, after))
        self.watches = kept

    @invariant()
    def objects_are_those_of_the_model(self) -> None:
        if self.store is None:
            return
        snapshot = self.run(self.store.snapshot())
        for resource in "xy":
            page = self.run(self.store.list("", resource))
            expected = {k: v for k, v in self.model.objects.items() if k.resource == resource}
            found = [
                (int(obj["metadata"]["resourceVersion"]), obj["content"]) for obj in page.items
            ]
            assert found == [expected[key] for key in sorted(expected)]
            assert list(page.items) == list(snapshot.list("", resource))
        for key in KEYS:
            assert (snapshot.get(key) is not None) == (key in self.model.objects)

    @invariant()
    def money_is_that_of_the_model(self) -> None:
        if self.store is None:
            return
        journal = self.run(self.store.journal())
        balances = dict(self.run(self.store.snapshot()).balances())
        assert [sealed.entry for sealed in journal] == self.model.entries
        assert balances == fold.fold(self.model.entries)
        assert list(fold.verify(journal, balances)) == []

    @invariant()
    def watches_have_told_all_and_nothing_else(self) -> None:
        self._drain()


class DurableStoreMachine(StoreMachine):
    """The same, with restarts and power cuts."""

    durable = True

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        if self.store is not None:
            assert list(verify(self.folder / str(self.generation))) == []


TestMemoryStore = StoreMachine.TestCase
TestMemoryStore.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestSqliteStore = DurableStoreMachine.TestCase
TestSqliteStore.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
