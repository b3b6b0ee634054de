"""`GET /metrics`: the market, the ledger and the store in Prometheus' text format.

Authenticated as every read is: whoever has a role sees what Books, ForwardCurves and Clearings
show them anyway; contracts, money, store and watches are an operator's. Counting follows the
snapshots (`Snapshot.changes`), so a scrape costs what changed since the last one, not what there
is. All names are in docs/operations.md, held by a test. Next: `main.py`.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric

from busbar.apis.kubernetes.authorization import Kind, role_of
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.ports import Identity
from busbar.controllers.parts.pods import is_promised
from busbar.model.money import NANO_PER_EURO
from busbar.model.objects import (
    Object,
    condition,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.server.market.families import books, curves, gauge, hours, number
from busbar.server.replies import Send, reply, reply_json
from busbar.server.requests import Receive
from busbar.store.contract import Compacted, Event, EventType, Snapshot, Store

PATH = "/metrics"
Metrics = Iterator[Metric]
Identify = Callable[[Any], Awaitable[Identity | None]]


class Tally:
    """How many objects of a collection have which label; `read` gives it, None to leave one out."""

    def __init__(
        self, resource: tuple[str, str], read: Callable[[Object, Snapshot], str | None]
    ) -> None:
        self._resource, self._read = resource, read
        self._seen: Snapshot | None = None
        self._labels: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def at(self, snapshot: Snapshot) -> dict[str, int]:
        """Give the counts of a snapshot, zeros left out."""
        for before, after in snapshot.changes(self._seen, *self._resource):
            obj = after if after is not None else before
            assert obj is not None
            name = namespace_of(obj), name_of(obj)
            known = self._labels.pop(name, None)
            if known is not None:
                self._counts[known] -= 1
            label = self._read(after, snapshot) if after is not None else None
            if label is not None:
                self._labels[name] = label
                self._counts[label] += 1
        self._seen = snapshot
        return {label: count for label, count in sorted(self._counts.items()) if count}


class ClearingCount:
    """How many clearings this process saw published, and what came of them.

    Followed by a watch, since far more come and go between two scrapes than are kept.
    """

    def __init__(self) -> None:
        self.clearings = self.matched = self.unmatched = 0

    async def run(self, store: Store) -> None:
        """Count for ever; after falling behind, from there on."""
        while True:
            with contextlib.suppress(Compacted):
                watch = store.watch(GROUP, "clearings", after=await store.revision())
                try:
                    async for batch in watch:
                        self._take(batch)
                finally:
                    watch.close()

    def _take(self, batch: Iterable[Event]) -> None:
        for event in batch:
            if event.type is EventType.ADDED:
                status = status_of(event.obj)
                self.clearings += 1
                self.matched += int(status.get("matched") or 0)
                self.unmatched += int(status.get("unmatched") or 0)


class Scrape:
    """What is remembered from one scrape to the next."""

    def __init__(self, door: Door, clearings: ClearingCount, clock: Callable[[], Instant]) -> None:
        self._door, self._clearings, self._clock = door, clearings, clock
        self._contracts = Tally((GROUP, "contracts"), _phase)
        self._waiting = Tally(("", "pods"), _waits)

    async def text(self, *, everything: bool) -> bytes:
        """Give the page: the public part, or everything."""
        snapshot = await self._door.store.snapshot()
        families = [
            *books(snapshot),
            *curves(snapshot),
            *hours(snapshot, slot_of(self._clock()).start),
            *_vendors(snapshot),
            *self._cleared(),
            *self._orders(snapshot),
        ]
        if everything:
            families += [*self._operators(snapshot), *_money(snapshot)]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Ready(families))
        return generate_latest(registry)

    def _orders(self, snapshot: Snapshot) -> Metrics:
        waiting = self._waiting.at(snapshot)
        yield gauge(
            "busbar_orders_waiting",
            "Orders that wait for a match, by the market's last answer.",
            ("reason",),
            (((reason,), count) for reason, count in waiting.items()),
        )

    def _cleared(self) -> Metrics:
        counts = self._clearings
        for name, text, value in (
            ("busbar_clearings", "Clearings published", counts.clearings),
            ("busbar_clearing_matches", "Orders matched", counts.matched),
            ("busbar_clearing_refusals", "Orders told why not", counts.unmatched),
        ):
            yield CounterMetricFamily(name, f"{text} since the process started.", value=value)

    def _operators(self, snapshot: Snapshot) -> Metrics:
        yield gauge(
            "busbar_contracts",
            "Contracts by phase, as far as they are kept.",
            ("phase",),
            (((phase,), count) for phase, count in self._contracts.at(snapshot).items()),
        )
        yield _one("busbar_store_revision", "The store's revision.", snapshot.revision)
        yield _one(
            "busbar_watches", "Open watches of the Kubernetes door.", len(self._door.watchers)
        )


class _Ready:
    """A collector whose families are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> list[Metric]:
        """Give them."""
        return self._families


def _vendors(snapshot: Snapshot) -> Metrics:
    """Give what vendors kept of their promises; they are public by name."""
    found = [(name_of(vendor), status_of(vendor)) for vendor in snapshot.list(GROUP, "vendors")]
    ratios = (((name,), number(status.get("reliability"))) for name, status in found)
    text = "Delivered by promised seconds of the last 35 days."
    yield gauge("busbar_vendor_reliability_ratio", text, ("vendor",), ratios)
    for name, text, field in (
        ("delivered_seconds", "Seconds delivered, of the last 35 days.", "deliveredSeconds"),
        ("promised_seconds", "Seconds promised, of the last 35 days.", "promisedSeconds"),
        ("failed_deliveries", "Deliveries that failed, of the last 35 days.", "failures"),
    ):
        counts = (((vendor,), float(status.get(field) or 0)) for vendor, status in found)
        yield gauge(f"busbar_vendor_{name}", text, ("vendor",), counts)
    bonds = (((name,), number(status.get("bond"))) for name, status in found)
    yield gauge("busbar_vendor_bond_euro", "What a vendor put down.", ("vendor",), bonds)


def _money(snapshot: Snapshot) -> Metrics:
    sums: Counter[str] = Counter()
    for account, balance in snapshot.balances().items():
        sums[_account_kind(account)] += balance
    yield gauge(
        "busbar_ledger_balance_euro",
        "Sum of the balances of a kind of account.",
        ("account",),
        (((kind,), nano / NANO_PER_EURO) for kind, nano in sorted(sums.items())),
    )
    total = sum(sums.values())
    yield _one("busbar_ledger_sum_nano_euro", "All balances together: 0, or it is wrong.", total)
    yield _one("busbar_ledger_entries", "Entries of the journal.", snapshot.head.seq)


def _account_kind(account: str) -> str:
    """Give the kind of an account: no consumer's or vendor's name leaves here."""
    first, _, rest = account.partition("/")
    if first == "ns":
        return rest.rpartition("/")[2]
    return {"vendor": "vendors", "bond": "bonds"}.get(first, account)


def _phase(contract: Object, snapshot: Snapshot) -> str:
    return str(status_of(contract).get("phase") or "Bound")


def _waits(pod: Object, snapshot: Snapshot) -> str | None:
    """Give the market's last answer to a Pod that has neither a node nor a contract for later."""
    status = status_of(pod)
    if spec_of(pod).get("nodeName") or is_deleting(pod) or status.get("phase") != "Pending":
        return None
    if is_promised(pod, snapshot):
        return None
    return str((condition(pod, "PodScheduled") or {}).get("reason") or "New")


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def create_app(
    door: Door, identify: Identify, clearings: ClearingCount, clock: Callable[[], Instant]
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application behind /metrics."""
    scrape = Scrape(door, clearings, clock)

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        identity = await identify(scope)
        kind = Kind.NOBODY if identity is None else role_of(identity).kind
        if identity is None:
            await reply_json(send, 401, {"message": "the cloud does not know these credentials"})
        elif kind is Kind.NOBODY:
            await reply_json(send, 403, {"message": "the user has no role here"})
        elif scope["method"] not in ("GET", "HEAD"):
            await reply_json(send, 405, {"message": "metrics are read with GET"})
        else:
            body = await scrape.text(everything=kind is Kind.OPERATOR)
            await reply(send, 200, body, CONTENT_TYPE_LATEST.encode())

    return app
