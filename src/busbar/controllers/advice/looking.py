"""Looks at each workload with every decider that applies to it. Next: `words.py`, `watching.py`.

What is cleared again costs a clearing each, so only the dearest workloads are: `CLEARED_MAX` of
them in one look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from busbar.advice import places
from busbar.advice.finding import Finding
from busbar.advice.idle import idle
from busbar.advice.profile import Profile, read_profile
from busbar.advice.sizing import Sizing, size, total
from busbar.advice.unusual import judge
from busbar.controllers.advice import words
from busbar.controllers.advice.workloads import (
    BUSBAR_JOB,
    Deal,
    Workload,
    deal_of,
    killed_for_memory,
    profile_key,
    requests_by_container,
)
from busbar.controllers.standing import Standing
from busbar.market.calendar import Segment
from busbar.market.company import NO_RULES
from busbar.market.orders import DEFAULT_DURATION, Order, OrderRefused, parse_order
from busbar.market.outcome import cost_of
from busbar.model.dtu import REFERENCE_RATING, Resources, amount, draw_micro
from busbar.model.objects import Key, Object, spec_of, status_of
from busbar.model.time import HOUR, Instant
from busbar.store.contract import Snapshot

CLEARED_MAX = 100
SIZE_PERCENT_MIN = 20
"""Less than a fifth of what a workload costs is not worth a restart."""
USE_MILLI_MIN = 100
"""A difference in use below a tenth of a cpu is nothing."""


class Look(NamedTuple):
    """One look at one workload."""

    snapshot: Snapshot
    standing: Standing
    workload: Workload
    deals: tuple[Deal, ...]
    profile: Profile | None
    now: Instant

    @property
    def cost_nano(self) -> int:
        """Give what it costs an hour."""
        return sum(amount(deal.price_nano, deal.draw_micro, HOUR) for deal in self.deals)

    def by_use(self) -> Iterator[Finding]:
        """Give what its use says."""
        requests = requests_by_container(self.workload)
        yield from self._sized(requests)
        if self.profile is None:
            return
        if self.deals:
            found = idle(self.profile, total(requests).cpu_milli, self.now)
            if found is not None:
                yield words.idle(self.workload, found, self.cost_nano)
        yield from self._unusual(self.profile)

    def _sized(self, requests: dict[str, Resources]) -> Iterator[Finding]:
        killed, profile = killed_for_memory(self.workload), self.profile
        if profile is None and killed:
            # It ended before it was looked at: that it lacked memory is known all the same.
            profile = Profile(self.workload.subject.words, self.now, self.now)
        found = size(profile, requests, killed) if profile is not None and requests else None
        if found is None or profile is None:
            return
        saving = self._saving(found)
        grows = total(found.better).memory_bytes > total(found.now).memory_bytes
        if grows or (saving > 0 and saving * 100 >= self.cost_nano * SIZE_PERCENT_MIN):
            yield words.sized(self.workload, profile, found, killed, saving)

    def _saving(self, found: Sizing) -> int:
        """Give what other requests would save: the draw follows its larger dimension."""
        return sum(
            amount(deal.price_nano, deal.draw_micro, HOUR)
            - amount(deal.price_nano, self._draw_after(found, deal), HOUR)
            for deal in self.deals
        )

    def _draw_after(self, found: Sizing, deal: Deal) -> int:
        """Give what a deal would draw: less cpu saves nothing where the GPUs draw more."""
        book, node = self.standing.book, spec_of(deal.contract).get("node")
        rows = (book.supplies[row] for row in book.columns.rows_named(str(node)))
        weight = max((row.gpu_weight_micro for row in rows), default=0)
        before = draw_micro(total(found.now), REFERENCE_RATING, weight)
        after = draw_micro(total(found.better), REFERENCE_RATING, weight)
        return deal.draw_micro * after // before

    def _unusual(self, profile: Profile) -> Iterator[Finding]:
        hour = self.now // HOUR - 1
        series = {h: row.cpu_milli for h, row in profile.hours.items()}
        found = judge(series, hour, USE_MILLI_MIN)
        if found is not None:
            yield words.unusual_use(self.workload, found)

    def by_market(self) -> Iterator[Finding]:
        """Give what the book says: what it would cost elsewhere, or later."""
        order = self._order()
        if order is None:
            return
        if self.deals:
            yield from self._elsewhere(order)
            yield from self._later(order)
        yield from self._deadline(order)

    def _order(self) -> Order | None:
        """Give the order that it is; None for one whose place depends on who else is there."""
        workload = self.workload
        home = self.snapshot.get(Key("", "namespaces", "", workload.namespace))
        pods = (*workload.pods, *workload.reserved)
        if not pods:
            return None
        order = parse_order(pods[0], home)
        if isinstance(order, OrderRefused) or order.rules != NO_RULES or order.gang is not None:
            return None
        return self.standing.freight.laden(order)

    def _elsewhere(self, order: Order) -> Iterator[Finding]:
        deal = max(self.deals, key=lambda deal: deal.price_nano)
        book = self.standing.book
        found = places.cheaper_place(book, order, deal.price_nano, deal.draw_micro, self.now)
        if found is not None:
            yield words.cheaper_place(self.workload, order, deal, found)

    def _later(self, order: Order) -> Iterator[Finding]:
        """A Job that did not wait: what its next run would save if it did."""
        if not self._is_job() or order.may_wait:
            return
        length = order.duration or DEFAULT_DURATION
        cost = amount(self.deals[0].price_nano, self.deals[0].draw_micro, length)
        found = places.cheaper_hour(self.standing.book, order, cost, length, self.now)
        if found is not None:
            yield words.cheaper_hour(self.workload, found, cost, length)

    def _deadline(self, order: Order) -> Iterator[Finding]:
        """A Job that waits for a slot that it has: what a later deadline would save."""
        contract = self._reserved()
        if contract is None or not self._is_job():
            return
        segments = _segments(contract)
        cost = cost_of(segments, int(spec_of(contract)["drawMicro"]))
        length = sum(segment.end - segment.start for segment in segments)
        found = places.later_deadline(self.standing.book, order, cost, self.now)
        best = places.worthwhile(found)
        if best is not None:
            yield words.later_deadline(self.workload, found, best, cost, length)

    def _reserved(self) -> Object | None:
        for pod in self.workload.reserved:
            deal = deal_of(self.snapshot, pod, self.now)
            if deal is not None and status_of(deal.contract).get("phase") == "Reserved":
                return deal.contract
        return None

    def _is_job(self) -> bool:
        subject = self.workload.subject
        return (subject.api_version, subject.kind) == BUSBAR_JOB


def _segments(contract: Object) -> list[Segment]:
    slots = spec_of(contract).get("slots") or ()
    return [Segment(s["startMs"], s["endMs"], int(s["priceNano"])) for s in slots]


def look_at(snapshot: Snapshot, standing: Standing, workload: Workload, now: Instant) -> Look:
    """Gather what a look needs."""
    deals = [deal_of(snapshot, pod, now) for pod in workload.pods]
    known = snapshot.get(profile_key(workload.namespace, workload.subject))
    return Look(
        snapshot,
        standing,
        workload,
        tuple(deal for deal in deals if deal is not None),
        read_profile(known) if known is not None else None,
        now,
    )


def look_at_all(looks: list[Look]) -> Iterator[Finding]:
    """Look at every workload; ask the market about the dearest."""
    for look in looks:
        yield from look.by_use()
    dearest = sorted(looks, key=lambda look: -look.cost_nano)[:CLEARED_MAX]
    for look in dearest:
        if look.deals or look.workload.reserved:
            yield from look.by_market()
