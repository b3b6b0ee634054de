"""A trading floor: batch after batch cleared by the market's own rule, work run, bills written.

Only the clearing is the exchange's own code; that work runs, stops and is billed for what ran is
said again here in a few lines, so that thousands of seasons can be lived through. `whole.py` lives
the same seasons on the whole exchange, and a test compares the two. Next: `whole.py`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from busbar.ledger.settlement import DEFAULT_FEE_PPM, PPM
from busbar.ledger.withdrawals import owed
from busbar.market.book import Book
from busbar.market.calendar import Calendar, Segment
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.market.offers import Supply
from busbar.market.orders import Eligibility, Order
from busbar.model.dtu import Resources, amount
from busbar.model.kinds.contract import ContractSlot
from busbar.model.time import HOUR, parse_instant
from studies.outcome import AFTERWARDS, BATCH_MS, NODES, Outcome, Trade, worth_nano
from studies.plays import HONEST, Play, Table
from studies.scene import CORES, GIB_PER_CORE, Scene, Stock, Want

BEGIN = parse_instant("2027-03-10T00:00:00Z", "begin")
REACTION_MS = 10_000
"""How soon after a batch players know what came of it, and act."""
LOSSES_MAX = 5
"""How often work is placed anew after its machine was lost, as the exchange does."""


@dataclass
class Bill:
    """A contract: where, for whom, at which price."""

    job: Job
    number: int
    segments: tuple[Segment, ...]
    start: int
    made: int = 0
    end: int | None = None
    withdrawn_nano: int = 0
    """What withdrawing it late came to."""


@dataclass
class Job:
    """An order for a piece of work, and what became of it."""

    name: str
    want: Want
    home: str
    order: Order
    due: int
    bills: list[Bill] = field(default_factory=list)
    is_waiting: bool = True
    is_done: bool = False
    lost_on: str = ""

    @property
    def running(self) -> Bill | None:
        """Give the contract it has."""
        return self.bills[-1] if self.bills and self.bills[-1].end is None else None


def live(scene: Scene, play: Play = HONEST, player: int = 0) -> Outcome:
    """Live through a season in which one player plays a play."""
    floor = Floor(scene, play, player)
    floor.live()
    return floor.outcome()


class Floor:
    """A season, while it is lived through."""

    def __init__(self, scene: Scene, play: Play, player: int) -> None:
        self.scene, self.now = scene, BEGIN
        self.table = Table(scene, play, player)
        self.jobs: dict[str, Job] = {}
        self._offers = {name: (seller, ask) for name, seller, ask in self.table.openings()}
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self._count = count()
        self._is_changed = True
        for want in scene.wants:
            self._at(want.at_ms, partial(self.table.consumer(want.consumer).wish, self, want))
        for hour in range(scene.hours):
            self._at(hour * HOUR + HOUR // 2, lambda: play.hourly(self, player))

    def _at(self, ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (BEGIN + ms, next(self._count), action))

    def live(self) -> None:
        """Let time pass, batch by batch."""
        for _ in range((self.scene.hours + AFTERWARDS) * HOUR // BATCH_MS):
            self.now += BATCH_MS
            self._happen()
            self._finish()
            self._clear()
            self.now += REACTION_MS
            self._happen()
            self.now -= REACTION_MS

    def _happen(self) -> None:
        while self._planned and self._planned[0][0] <= self.now:
            heapq.heappop(self._planned)[2]()

    # What players may do: `plays.Place`.

    def order(
        self, want: Want, home: str, cap_nano: int | None = None, may_wait: bool = False
    ) -> str:
        """Order a piece of work."""
        play = self.table.consumer(want.consumer)
        cap = play.cap_nano(want) if cap_nano is None else cap_nano
        name = f"{home}/w{want.number}-{sum(job.want is want for job in self.jobs.values())}"
        regions = (want.region,) if want.region else ()
        vendors = tuple(sorted(play.vendors(self.scene, want)))
        order = Order(
            id=name,
            namespace=home,
            name=name,
            requests=Resources(want.milli, want.mebibytes * 1024**2),
            cap_nano=cap,
            eligibility=Eligibility(regions=regions, vendors=vendors),
            deadline=self.scene.due(want, BEGIN) if may_wait else None,
            duration=play.duration_ms(want),
            may_wait=may_wait,
        )
        self.jobs[name] = Job(name, want, home, order, self.scene.due(want, BEGIN))
        self._is_changed = True
        return name

    def cancel(self, order: str) -> None:
        """Take an order back."""
        job = self.jobs[order]
        job.is_waiting = False
        if job.running is not None and not job.is_done:
            bill = job.running
            bill.end = max(self.now, bill.start)
            if bill.made < bill.start:
                slots = [ContractSlot(*segment) for segment in bill.segments]
                late = owed(slots, job.want.draw_micro, bill.made, self.now)
                bill.withdrawn_nano = max(0, late - self._debit(bill))
            self._is_changed = True

    def has_place(self, order: str) -> bool:
        """Say whether it was matched and has not ended otherwise than well."""
        return self.jobs[order].is_done or self.jobs[order].running is not None

    def has_started(self, order: str) -> bool:
        """Say whether it has run, or runs."""
        return any(bill.start <= self.now for bill in self.jobs[order].bills)

    def offer(self, name: str, seller: str, ask_nano: int) -> None:
        """Offer a vendor's machines, or offer them at another price."""
        self._offers[name] = seller, ask_nano
        self._is_changed = True

    def sold_part(self, vendor: int) -> float:
        """Give the part of a vendor's vCPUs that runs work now."""
        taken = sum(bill.job.want.milli for bill in self._run_by(vendor))
        return taken / (1000 * CORES * len(self.scene.stocks_of(vendor)))

    def drop(self, vendor: int, below_nano: int) -> None:
        """End what a vendor runs for less than a price; the orders are matched again."""
        for bill in list(self._run_by(vendor)):
            if bill.segments[0].price_nano < below_nano:
                bill.end = self.now
                bill.job.lost_on = NODES.format(bill.number)
                bill.job.is_waiting = len(bill.job.bills) <= LOSSES_MAX
                self._is_changed = True

    def after(self, ms: int, action: Callable[[], None]) -> None:
        """Do something later."""
        self._at(self.now - BEGIN + ms, action)

    # What the exchange and the machines do.

    def _run_by(self, vendor: int) -> Iterator[Bill]:
        for bill in self._open():
            if self.scene.stocks[bill.number].vendor == vendor and bill.start <= self.now:
                yield bill

    def _open(self) -> Iterator[Bill]:
        return (job.running for job in self.jobs.values() if job.running is not None)

    def _finish(self) -> None:
        """End what has run for as long as it takes."""
        for bill in list(self._open()):
            end = bill.start + bill.job.want.runs_ms
            if end <= self.now:
                bill.end, bill.job.is_done = end, True
                self._is_changed = True

    def _clear(self) -> None:
        """Clear those who wait, unless nothing has changed since they last did so in vain."""
        waiting = [job for job in self.jobs.values() if job.is_waiting]
        if not waiting or not self._is_changed:
            return
        self._is_changed = False
        matches = clear(self._book(), [self._order(job) for job in waiting], self.now).matches
        for match in matches:
            job = self.jobs[match.order]
            number = int(match.node.removeprefix("n"))
            job.bills.append(Bill(job, number, match.segments, match.start, self.now))
            job.is_waiting = False
        for job in waiting:
            job.lost_on = ""
            if job.is_waiting and self.now + BATCH_MS + job.want.runs_ms > job.due:
                job.is_waiting = False

    def _order(self, job: Job) -> Order:
        if not job.lost_on:
            return job.order
        self._is_changed = True
        return replace(job.order, avoid=frozenset({job.lost_on}))

    def _book(self) -> Book:
        return Book.build(self._rows(), self._commitments())

    def _rows(self) -> Iterator[Supply]:
        for stock in self.scene.stocks:
            seller = self.table.vendor(stock.vendor).seller(stock)
            for name, (by, ask) in self._offers.items():
                if by == seller:
                    yield Supply(
                        node=NODES.format(stock.number),
                        vendor=seller,
                        zone=stock.region,
                        offer=name,
                        offer_version=1,
                        calendar=Calendar(ask),
                        capacity=Resources(CORES * 1000, CORES * GIB_PER_CORE * 1024**3),
                    )

    def _commitments(self) -> Iterator[Commitment]:
        for bill in self._open():
            node, order = NODES.format(bill.number), bill.job.order
            if bill.start <= self.now:
                yield Commitment(node, order.requests, 0, order.deadline)
            else:
                yield Commitment(node, order.requests, bill.start, bill.segments[-1].end)

    # What it came to.

    def outcome(self) -> Outcome:
        """Add everything up."""
        consumers = dict.fromkeys((want.consumer for want in self.scene.wants), 0)
        vendors = dict.fromkeys(range(self.scene.vendors), 0)
        turnover = vendors.copy()
        fees, waits = 0, dict[int, int]()
        done = {job.want.number: job.want for job in self.jobs.values() if job.is_done}
        for want in done.values():
            consumers[want.consumer] += worth_nano(want)
        for bill in self._bills():
            stock, want = self.scene.stocks[bill.number], bill.job.want
            paid = self._debit(bill) + bill.withdrawn_nano
            fee = paid * DEFAULT_FEE_PPM // PPM
            consumers[want.consumer] -= paid
            turnover[stock.vendor] += paid - fee
            vendors[stock.vendor] += paid - fee - self._cost(bill, stock)
            fees += fee
            if not _ran(bill):
                continue
            wait = bill.start - BEGIN - want.at_ms
            waits[want.number] = min(waits.get(want.number, wait), wait)
        ran = filter(_ran, self._bills())
        trades = tuple(trade for bill in ran for trade in _trades(bill))
        return Outcome(
            self.scene, consumers, vendors, turnover, fees, frozenset(done), waits, trades
        )

    def _bills(self) -> Iterator[Bill]:
        for job in self.jobs.values():
            for bill in job.bills:
                if _ran(bill) or bill.withdrawn_nano:
                    yield bill

    def _debit(self, bill: Bill) -> int:
        """Bill what ran within what was sold."""
        assert bill.end is not None
        return sum(
            amount(price, bill.job.want.draw_micro, max(0, min(end, bill.end) - start))
            for start, end, price in bill.segments
        )

    def _cost(self, bill: Bill, stock: Stock) -> int:
        assert bill.end is not None
        ran = bill.end - bill.start
        return amount(stock.cost_nano, bill.job.want.draw_micro, ran)


def _ran(bill: Bill) -> bool:
    return (bill.end or 0) > bill.start


def _trades(bill: Bill) -> Iterator[Trade]:
    for start, end, price in bill.segments:
        yield Trade(start - BEGIN, price, bill.job.want.draw_micro * (end - start) // HOUR)
