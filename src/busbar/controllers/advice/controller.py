"""The advice controller: looks at everything now and then, says what would be better.

It has a Standing of its own, because it is run beside the others (`aside`): a look at thousands of
workloads, with a clearing for the dearest, must not hold up an order. One key: a look is at the
whole, and is taken again after `advice_ms`. Next: `../expiry.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from busbar.advice.finding import Finding
from busbar.advice.spending import Spending
from busbar.advice.unsold import PRICES_MS, Traded, traded, unsold
from busbar.advice.unusual import WINDOW_HOURS, judge
from busbar.controllers.advice import words
from busbar.controllers.advice.acting import act
from busbar.controllers.advice.folding import forgotten
from busbar.controllers.advice.looking import look_at, look_at_all
from busbar.controllers.advice.publishing import advised, keep_ms_of, publish
from busbar.controllers.advice.workloads import PROFILES, workloads
from busbar.controllers.contract import Collection, Decision
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, metadata, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, Instant, parse_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot, Transaction

ADVICE_KEY = Key(GROUP, "advices", "", "all")
SPENDING_NANO_MIN = 50_000_000
"""Five cents: a difference below that in an hour is nothing."""
SETTLED_MS = 10 * MINUTE
"""So long after an hour's end what was spent in it is taken to be settled."""


class AdviceController:
    """Makes, keeps and removes advice; acts on it for those who opted in."""

    name = "advice"
    watches: tuple[Collection, ...] = (("", "namespaces"),)
    coalesce_ms = 1000
    aside = True

    def __init__(self, settings: Settings) -> None:
        self._every_ms = settings.advice_ms
        self._standing, self._spending = Standing(settings.place, settings.gpus), Spending()
        self._used: dict[str, Instant] = {}
        self._seen: Snapshot | None = None

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake once there is anybody; from then on time does."""
        return (ADVICE_KEY,) if event.previous is None else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Take a look at the whole."""
        self._follow(snapshot, now)
        found = advised(snapshot, self._findings(snapshot, now))
        done = [*act(snapshot, found, now)]
        done += publish(snapshot, found, keep_ms_of(self._every_ms), now)
        done += [Transaction((op,)) for op in forgotten(snapshot.list(*PROFILES), now)]
        note = f"advice: {len(found)} found, {len(done)} written" if done else ""
        return Decision(tuple(done), now + self._every_ms, note)

    def _follow(self, snapshot: Snapshot, now: Instant) -> None:
        """Take in the contracts that changed: what was spent, and until when nodes were used."""
        self._standing.at(snapshot)
        changes = list(snapshot.changes(self._seen, GROUP, "contracts"))
        self._spending.take(changes)
        self._spending.forget(now // HOUR - WINDOW_HOURS - 24)
        for _, after in changes:
            if after is not None:
                node, until = str(spec_of(after)["node"]), _used_until(after, now)
                self._used[node] = max(self._used.get(node, 0), until)
        self._seen = snapshot

    def _findings(self, snapshot: Snapshot, now: Instant) -> Iterator[Finding]:
        pods = workloads(snapshot, snapshot.list("", "pods"))
        yield from look_at_all([look_at(snapshot, self._standing, one, now) for one in pods])
        yield from self._unusual_spending(now)
        yield from self._unsold(snapshot, now)

    def _unusual_spending(self, now: Instant) -> Iterator[Finding]:
        hour = (now - SETTLED_MS) // HOUR - 1
        for namespace in self._spending.namespaces():
            series = self._spending.series(namespace, hour, WINDOW_HOURS)
            found = judge(series, hour, SPENDING_NANO_MIN)
            if found is not None and found.value > found.high:
                yield words.unusual_spending(namespace, found)

    def _unsold(self, snapshot: Snapshot, now: Instant) -> Iterator[Finding]:
        for contract in snapshot.list(GROUP, "contracts"):
            if status_of(contract).get("phase") != "Closed":
                self._used[str(spec_of(contract)["node"])] = now
        nodes = {name_of(node): _joined(node, now) for node in snapshot.list("", "nodes")}
        prices = _prices(snapshot, now - PRICES_MS)
        calendars = {name_of(offer): spec_of(offer) for offer in snapshot.list(GROUP, "offers")}
        for found in unsold(self._standing.book.supplies, self._used, nodes, prices, now):
            yield words.unsold(found, bool(calendars.get(found.offer, {}).get("calendar")))


def _used_until(contract: Object, now: Instant) -> Instant:
    """Give until when a node had a contract: one that is open has it still."""
    if status_of(contract).get("phase") != "Closed":
        return now
    finished = status_of(contract).get("finishedMs")
    return int(finished) if finished else min(now, int(spec_of(contract)["slots"][-1]["endMs"]))


def _joined(node: Object, now: Instant) -> Instant:
    try:
        return parse_instant(metadata(node).get("creationTimestamp"), "creationTimestamp")
    except InvalidField:
        return now


def _prices(snapshot: Snapshot, since: Instant) -> dict[str, Traded]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for history in snapshot.list(GROUP, "pricehistories"):
        status = status_of(history)
        rows[str(status.get("zone") or "")] += status.get("rows") or ()
    return {zone: traded(found, since) for zone, found in rows.items()}
