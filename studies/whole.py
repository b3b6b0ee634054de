"""The same seasons on the whole exchange: door, controllers, market, ledger, agents, invariants.

Slow, so it is what the trading floor is held to, not what the tables are made with.
Next: `optimum.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from busbar.ledger import entries
from busbar.model.dtu import amount
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, spec_of, status_of, uid_of
from busbar.model.time import HOUR, MINUTE, SECOND, format_instant
from busbar.model.wellknown import ANN_RATING, GROUP, LABEL_REGION, LABEL_VENDOR
from busbar.simulator.cloud import Cloud
from busbar.simulator.door import Door
from busbar.simulator.machine import ENV_RUNS_MS, Held, Machine, Run, Timing
from busbar.simulator.network import Weather
from busbar.simulator.profile import SETTINGS, Profile
from busbar.simulator.world import World
from busbar.store.contract import Committed, Put, Transaction
from studies.outcome import AFTERWARDS, BATCH_MS, NODES, Outcome, Trade, worth_nano
from studies.plays import HONEST, Play, Table
from studies.scene import CORES, GIB_PER_CORE, MACHINES, Scene, Stock, Want

PURSE = 10**12
"""A thousand euro each: money is not what is scarce here."""
CALM = Profile(
    machines=MACHINES,
    weather=Weather(late_ms=50),
    timing=Timing(140 * SECOND, 299 * SECOND, MINUTE),
    settings=SETTINGS._replace(
        batch_ms=BATCH_MS, book_ms=24 * HOUR, curve_ms=24 * HOUR, history_ms=HOUR, payday_ms=HOUR
    ),
    fault_every_ms=10_000 * HOUR,
    slow_ms=(2 * SECOND,),
)
"""Nothing breaks: what players gain is what the rule gives them."""


def live(scene: Scene, play: Play = HONEST, player: int = 0) -> Outcome:
    """Live through a season in which one player plays a play."""
    season = _Season(scene, play, player)
    season.cloud.begin()
    season.cloud.run((scene.hours + AFTERWARDS) * HOUR)
    return season.outcome()


class Traders:
    """The crowd of a season: everybody acts through the door."""

    def __init__(self, world: World, door: Door, table: Table) -> None:
        self.world, self.door, self.table = world, door, table
        self.scene, self.begin = table.scene, world.now
        self.paid_in: dict[str, int] = {}
        self.machines: list[Machine] = []
        self.jobs: dict[str, tuple[Want, Key]] = {}

    def found(self) -> None:
        """Make accounts and offers, and plan the season."""
        for home in self.table.homes():
            self.door.create(Key("", "namespaces", "", home), self.begin)
            self.paid_in[home] = PURSE
            self.door.pay_in(home, PURSE, self.begin, home)
        for vendor in range(self.scene.vendors):
            for seller in self.table.sellers(vendor):
                self.door.create(Key(GROUP, "vendors", "", seller), self.begin, spec={})
        for opening in self.table.openings():
            self.offer(*opening)
        for want in self.scene.wants:
            self.after(want.at_ms, partial(self.table.consumer(want.consumer).wish, self, want))
        hourly, player = self.table.play.hourly, self.table.player
        for hour in range(self.scene.hours):
            self.after(hour * HOUR + HOUR // 2, lambda: hourly(self, player))

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine."""
        stock = self.scene.stocks[number]
        seller = self.table.vendor(stock.vendor).seller(stock)
        memory = f"{CORES * GIB_PER_CORE}Gi"
        return {
            "meta": {
                "labels": {LABEL_VENDOR: seller, LABEL_REGION: stock.region},
                "annotations": {ANN_RATING: "1000000"},
            },
            "spec": {},
            "status": {"allocatable": {"cpu": str(CORES), "memory": memory, "pods": "50"}},
        }

    def rest(self) -> None:
        """Nothing: a season ends by itself."""

    # What players may do: `plays.Place`.

    def order(
        self, want: Want, home: str, cap_nano: int | None = None, may_wait: bool = False
    ) -> str:
        """Order a piece of work, as a Job."""
        play = self.table.consumer(want.consumer)
        restrictions: dict[str, Any] = {"vendor": play.vendors(self.scene, want)}
        if want.region:
            restrictions["region"] = want.region
        spec = {
            "image": "work",
            "env": {ENV_RUNS_MS: str(want.runs_ms)},
            "resources": {"cpu": f"{want.milli}m", "memory": f"{want.mebibytes}Mi"},
            "backoffLimit": 0,
            "maxEuroPerDTU": format_euro(play.cap_nano(want) if cap_nano is None else cap_nano),
            "expectedDuration": f"{play.duration_ms(want) // MINUTE}m",
            "mayWait": may_wait,
            "restrictions": {name: value for name, value in restrictions.items() if value},
        }
        due = self.scene.due(want, self.begin)
        if may_wait:
            spec["notAfter"] = format_instant(due)
        key = Key(GROUP, "jobs", home, f"w{want.number}-{len(self.jobs)}")
        self.jobs[key.name] = want, key
        self.door.create(key, self.world.now, spec=spec)
        self.world.at(due - want.runs_ms, lambda: self._give_up(key.name))
        return key.name

    def _give_up(self, order: str) -> None:
        if not self.has_place(order):
            self.cancel(order)

    def cancel(self, order: str) -> None:
        """Take an order back."""
        self.door.delete(self.jobs[order][1], self.world.now)

    def job(self, order: str) -> Object | None:
        """Look at a Job."""
        return self.door.get(self.jobs[order][1])

    def _phase(self, order: str) -> str:
        return str(status_of(self.job(order) or {}).get("phase"))

    def has_place(self, order: str) -> bool:
        """Say whether it was matched and has not ended otherwise than well."""
        placed = bool(status_of(self.job(order) or {}).get("node"))
        return placed and self._phase(order) != "Failed"

    def has_started(self, order: str) -> bool:
        """Say whether it has run, or runs."""
        return bool(status_of(self.job(order) or {}).get("startTime"))

    def offer(self, name: str, seller: str, ask_nano: int) -> None:
        """Offer the machines of a vendor, or at another price."""
        key = Key(GROUP, "offers", "", name)
        spec = {"vendor": seller, "pricePerDTU": format_euro(ask_nano)}
        if not self.door.change(key, lambda obj: {**obj, "spec": spec}):
            self.door.create(key, self.world.now, spec=spec)

    def _held(self, vendor: int) -> Iterator[tuple[Machine, Held]]:
        for stock in self.scene.stocks:
            machine = self.machines[stock.number]
            if stock.vendor == vendor:
                held = [h for h in machine.pods.values() if h.run is not None]
                yield from ((machine, h) for h in held if h.run is not None and h.run.end is None)

    def sold_part(self, vendor: int) -> float:
        """Give the part of a vendor's vCPUs that runs work now."""
        taken = sum(
            int(held.pod["spec"]["containers"][0]["resources"]["requests"]["cpu"].rstrip("m"))
            for _, held in self._held(vendor)
        )
        return taken / (1000 * CORES * len(self.scene.stocks_of(vendor)))

    def drop(self, vendor: int, below_nano: int) -> None:
        """End what a vendor runs for less than a price, and say that a machine restarted."""
        for machine, held in list(self._held(vendor)):
            assert held.run is not None
            home = held.pod["metadata"]["namespace"]
            contract = self.door.get(Key(GROUP, "contracts", home, held.run.contract))
            if contract is not None and spec_of(contract)["slots"][0]["priceNano"] < below_nano:
                machine.drop(uid_of(held.pod))

    def after(self, ms: int, action: Callable[[], None]) -> None:
        """Do something later."""
        self.world.after(ms, action)


class _Season:
    """A season, and what is remembered of it."""

    def __init__(self, scene: Scene, play: Play, player: int) -> None:
        self.scene, self.table = scene, Table(scene, play, player)

        def crowd(world: World, door: Door, profile: Profile) -> Traders:
            return Traders(world, door, self.table)

        self.cloud = Cloud(scene.seed, CALM, crowd=crowd)
        assert isinstance(self.cloud.people, Traders)
        self.traders = self.cloud.people
        self.traders.machines = self.cloud.machines
        self.contracts: dict[str, Object] = {}
        self.wants: dict[str, Want] = {}
        """Pieces of work by the uid of the Job that asked for them."""
        self.cloud.exchange.committed.append(self._look)

    def _look(self, transaction: Transaction, result: Committed) -> None:
        puts = (op.key for op in transaction.ops if isinstance(op, Put))
        for key, obj in zip(puts, result.objects, strict=False):
            if key.resource == "contracts":
                self.contracts[key.name] = obj
            elif key.resource == "jobs":
                self.wants[uid_of(obj)] = self.traders.jobs[key.name][0]

    def outcome(self) -> Outcome:
        view = self.cloud.store.snapshot_now()
        jobs = [(want, self.traders.job(name)) for name, (want, _) in self.traders.jobs.items()]
        done = frozenset(
            want.number for want, job in jobs if status_of(job or {}).get("phase") == "Succeeded"
        )
        vendors = {v: self._earned(v) - self._cost(v) for v in range(self.scene.vendors)}
        turnover = {v: self._earned(v) for v in range(self.scene.vendors)}
        fees = view.balance(entries.FEE) + view.balance(entries.ROUNDING)
        consumers, waits, trades = self._consumers(done), self._waits(), tuple(self._trades())
        return Outcome(self.scene, consumers, vendors, turnover, fees, done, waits, trades)

    def _consumers(self, done: frozenset[int]) -> dict[int, int]:
        view = self.cloud.store.snapshot_now()
        found = dict.fromkeys((want.consumer for want in self.scene.wants), 0)
        for want in self.scene.wants:
            found[want.consumer] += worth_nano(want) if want.number in done else 0
        for number in found:
            for home in self.table.consumer(number).homes(number):
                accounts = entries.available(home), entries.held(home)
                found[number] -= self.traders.paid_in[home] - sum(map(view.balance, accounts))
        return found

    def _earned(self, vendor: int) -> int:
        view = self.cloud.store.snapshot_now()
        return sum(view.balance(entries.vendor(name)) for name in self.table.sellers(vendor))

    def _cost(self, vendor: int) -> int:
        stocks = {NODES.format(s.number): s for s in self.scene.stocks if s.vendor == vendor}
        runs = [run for run in self.cloud.runs if run.node in stocks]
        return sum(self._cost_of(run, stocks[run.node]) for run in runs)

    def _cost_of(self, run: Run, stock: Stock) -> int:
        draw = spec_of(self.contracts[run.contract])["drawMicro"]
        return amount(stock.cost_nano, draw, (run.end or self.cloud.world.now) - run.start)

    def _waits(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for run in self.cloud.runs:
            want = self.wants[run.owner]
            found.setdefault(want.number, run.start - self.traders.begin - want.at_ms)
        return found

    def _trades(self) -> Iterator[Trade]:
        for contract in self.contracts.values():
            spec = spec_of(contract)
            for slot in spec["slots"]:
                ms = slot["endMs"] - slot["startMs"]
                start = slot["startMs"] - self.traders.begin
                yield Trade(start, slot["priceNano"], spec["drawMicro"] * ms // HOUR)
