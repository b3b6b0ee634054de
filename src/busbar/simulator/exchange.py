"""The control plane: real store, real controllers, driven step by step; it may die at any commit.

Dying loses all that is not in the store: queues, timers, decisions half committed. Starting again
is the same path as the first start. Next: `door.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from busbar.advice.board import Board
from busbar.controllers.advice.folding import transactions
from busbar.controllers.all import controllers
from busbar.controllers.contract import Decision
from busbar.controllers.listening import Listening
from busbar.controllers.queue import Item, WorkQueue
from busbar.controllers.settings import Settings
from busbar.model.resources import key_of
from busbar.simulator.world import World
from busbar.store.contract import Committed, Event, EventType, Refused, Transaction
from busbar.store.memory import MemoryStore
from busbar.store.watching import LogWatch

ROUNDS_MAX = 20_000
"""Reconciles at one instant; more mean that controllers wake each other without end."""


class Died(Exception):
    """The leader was killed between two commits."""


class Livelock(AssertionError):
    """Controllers keep each other busy though nothing changes any more."""


class Exchange:
    """The store, and the controllers while there is a leader."""

    def __init__(self, world: World, store: MemoryStore, settings: Settings) -> None:
        self.world = world
        self.store = store
        self.settings = settings
        self.listening = Listening()
        self.committed: list[Callable[[Transaction, Committed], None]] = []
        self.notes: list[str] = []
        self.refused = 0
        self.dies_after: int | None = None
        """Commits until the leader is killed; None: it lives."""
        self.is_up = False
        self.board = Board()
        """What is known of use: in memory, so it is gone with the leader."""
        self._queue = WorkQueue()
        self._controllers = controllers(settings, self.listening)
        self._watch: LogWatch | None = None
        self._watchers: dict[tuple[str, str], list[int]] = {}
        for number, controller in enumerate(self._controllers):
            for collection in controller.watches:
                self._watchers.setdefault(collection, []).append(number)

    def start(self) -> None:
        """Start a leader: every object wakes its keys."""
        self.is_up = True
        self.listening = Listening(self.world.now)
        self._controllers = controllers(self.settings, self.listening)
        self._queue = WorkQueue()
        self.board = Board()
        snapshot = self.store.snapshot_now()
        self._watch = self.store.watch_all(after=snapshot.revision)
        for collection in snapshot.collections():
            for obj in snapshot.list(*collection):
                self._wake(Event(EventType.ADDED, snapshot.revision, key_of(obj), obj))

    def stop(self) -> None:
        """Kill the leader."""
        self.is_up = False
        if self._watch is not None:
            self._watch.close()

    def sum_up(self) -> None:
        """Add what was seen on the board to the profiles, as the server does now and then."""
        if self.is_up:
            seen = self.board.hand_over(self.world.now)
            for transaction in transactions(self.store.snapshot_now(), seen, self.world.now):
                self.commit(transaction)

    def next_at(self) -> int | None:
        """Give when the next reconcile is due."""
        return self._queue.next_due() if self.is_up else None

    def work(self) -> None:
        """Reconcile whatever is due now, until nothing is."""
        for _ in range(ROUNDS_MAX):
            if not self.is_up:
                return
            self._listen()
            due = self._queue.take(self.world.now, 64)
            if not due:
                return
            self.world.chance.shuffle(due)
            try:
                for item in due:
                    self._reconcile(item)
            except Died:
                return
        raise Livelock(f"still busy after {ROUNDS_MAX} rounds: {due}; last: {self.notes[-5:]}")

    def commit(self, transaction: Transaction) -> Committed | Refused:
        """Commit, and let the checkers see it."""
        result = self.store.commit_now(transaction)
        if isinstance(result, Committed):
            for check in self.committed:
                check(transaction, result)
        return result

    def _listen(self) -> None:
        assert self._watch is not None
        for event in self._watch.take():
            self._wake(event)

    def _wake(self, event: Event) -> None:
        for number in self._watchers.get((event.key.group, event.key.resource), ()):
            controller = self._controllers[number]
            for key in controller.keys(event):
                self._queue.add(Item(number, key), self.world.now + controller.coalesce_ms)

    def _reconcile(self, item: Item) -> None:
        controller = self._controllers[item.controller]
        decision = controller.reconcile(self.store.snapshot_now(), item.key, self.world.now)
        refused = self._apply(decision)
        self._queue.done(item, self.world.now, retry=refused, requeue_at=decision.requeue_at)

    def _apply(self, decision: Decision) -> bool:
        refused = False
        for transaction in decision.transactions:
            if self.dies_after is not None:
                self.dies_after -= 1
                if self.dies_after < 0:
                    self.dies_after = None
                    self.stop()
                    raise Died
            result = self.commit(transaction)
            refused |= isinstance(result, Refused)
        self.refused += refused
        if decision.note:
            self.notes.append(decision.note)
            del self.notes[:-200]
        return refused
