"""One simulated cloud: everything put together, lived through, checked at every commit.

First a time with faults, in which nothing wrong may happen; then they stop, and what should be
must come to be. Next: `__main__.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from busbar.controllers.advice.folding import FOLD_MS
from busbar.controllers.parts.pods import node_of, phase_of
from busbar.ledger.entries import TOPUP, Kind
from busbar.model.objects import Key, is_deleting
from busbar.model.time import HOUR, Instant, format_instant, parse_instant
from busbar.simulator.checks.agreed import AgreedCheck
from busbar.simulator.checks.attested import AttestedCheck
from busbar.simulator.checks.base import Broken, Step, insist
from busbar.simulator.checks.billing import BillingCheck
from busbar.simulator.checks.bonded import BondedCheck
from busbar.simulator.checks.bonds import BondCheck
from busbar.simulator.checks.capacity import CapacityCheck
from busbar.simulator.checks.clearings import ClearingCheck, Reference
from busbar.simulator.checks.data import DataCheck
from busbar.simulator.checks.drivers import DriverCheck
from busbar.simulator.checks.gangs import GangCheck
from busbar.simulator.checks.history import HistoryCheck
from busbar.simulator.checks.limits import LimitCheck
from busbar.simulator.checks.liveness import check_settled
from busbar.simulator.checks.money import MoneyCheck
from busbar.simulator.checks.moves import MoveCheck
from busbar.simulator.checks.notices import NoticeCheck
from busbar.simulator.checks.own_accord import AdviceCheck, check_advice
from busbar.simulator.checks.owners import OwnerCheck
from busbar.simulator.checks.pieces import PiecesCheck
from busbar.simulator.checks.withdrawals import WithdrawalCheck
from busbar.simulator.door import Door
from busbar.simulator.exchange import Exchange
from busbar.simulator.faults import Faults
from busbar.simulator.haulage import Flows
from busbar.simulator.machine import Machine, Run
from busbar.simulator.network import Network
from busbar.simulator.people.crowd import Crowd
from busbar.simulator.people.people import People
from busbar.simulator.profile import Profile, hours_of, profile_of, rest_of
from busbar.simulator.resellers import Resellers
from busbar.simulator.world import World
from busbar.store.contract import Committed, Delete, Put, Transaction
from busbar.store.memory import MemoryStore

START = parse_instant("2027-03-27T21:47:13Z", "start")
"""A few hours before clocks are put forward in Europe."""


class Told(NamedTuple):
    """What a life came to, for the one line that says so."""

    seed: int
    hours: int
    steps: int
    commits: int
    contracts: int
    faults: int
    billed_nano: int


class Failed(AssertionError):
    """A life in which an invariant broke: how to see it again, and what happened last."""


class Cloud:
    """A cloud and its checkers; `crowd` makes who uses it."""

    def __init__(
        self,
        seed: int,
        profile: Profile | None = None,
        reference: Reference | None = None,
        crowd: Callable[[World, Door, Profile], Crowd] = People,
    ) -> None:
        self.seed = seed
        self.reference = reference
        self.profile = profile or profile_of(seed)
        self.world = World(seed, START)
        self.store = MemoryStore()
        self.exchange = Exchange(self.world, self.store, self.profile.settings)
        self.door = Door(self.exchange)
        self.network = Network(self.world, self.profile.weather)
        self.flows = Flows(self.world, self.exchange, seed)
        self.people = crowd(self.world, self.door, self.profile)
        self.resellers = Resellers(self.world, self.door, self.profile)
        self.runs: list[Run] = []
        self.machines: list[Machine] = []
        self._named: dict[str, Machine] = {}
        self.owners = OwnerCheck()
        self.commits = 0
        self._checks_are_made()
        self.faults = Faults(
            self.world, self.exchange, self.network, self.machines, self.profile.fault_every_ms
        )

    def begin(self) -> None:
        """Open the exchange; people and machines come."""
        self.exchange.start()
        self.people.found()
        self.resellers.found()
        self.flows.begin()
        self._machines_join()
        self.faults.begin()
        self.world.after(FOLD_MS, self._sum_up)

    def _sum_up(self) -> None:
        self.exchange.sum_up()
        self.world.after(FOLD_MS, self._sum_up)

    def _checks_are_made(self) -> None:
        self.advice = AdviceCheck()
        self.liars = frozenset(f"n{i}" for i in range(self.profile.liars))
        self.history = HistoryCheck(self.store)
        self.bonds = BondCheck(self.profile.timing)
        self.moves, self.drivers = MoveCheck(), DriverCheck()
        self.looks = (
            self.advice.look,
            MoneyCheck().look,
            BillingCheck(self.runs, self.liars, self.profile.timing.renew_ms).look,
            DataCheck(self.flows.flowed).look,
            CapacityCheck().look,
            self.bonds.look,
            AgreedCheck().look,
            NoticeCheck().look,
            WithdrawalCheck().look,
            ClearingCheck(self.seed, self.reference).look,
            AttestedCheck().look,
            BondedCheck().look,
            LimitCheck().look,
            GangCheck().look,
            self.drivers.look,
            PiecesCheck().look,
            self.history.look,
            self.moves.look,
        )
        self._seq = 0
        self.exchange.committed.append(self._look)

    def _most_are_cut(self) -> bool:
        cut = self.network.up_cut & {machine.name for machine in self.machines}
        return len(self.machines) >= 3 and len(cut) * 100 > 55 * len(self.machines)

    def _machines_join(self) -> None:
        for number in range(self.profile.machines):
            name = f"n{number}"
            described = self.people.node_object(number)
            self.door.create(Key("", "nodes", "", name), self.world.now, **described)
            machine = Machine(
                name=name,
                world=self.world,
                network=self.network,
                door=self.door,
                timing=self.profile.timing,
                runs=self.runs,
                started=[self.owners.started],
                lies=name in self.liars,
                slow_ms=self.world.chance.choice(self.profile.slow_ms),
            )
            self.machines.append(machine)
            self._named[name] = machine
            self.world.after(self.world.between(1, 5_000), machine.begin)

    def _look(self, transaction: Transaction, result: Committed) -> None:
        """Check one commit, and let the machines hear of their Pods."""
        self.commits += 1
        objects = iter(result.objects)
        put = tuple((op.key, next(objects)) for op in transaction.ops if isinstance(op, Put))
        deleted = tuple(op.key for op in transaction.ops if isinstance(op, Delete))
        view = self.store.snapshot_now()
        sealed = self.store.journal_now(self._seq)
        self._seq += len(sealed)
        step = Step(self.world.now, transaction, view, sealed, put, deleted)
        for look in self.looks:
            look(step)
        if any(entry.kind == Kind.TOP_UP.value for _, entry, _ in sealed):
            paid = -view.balance(TOPUP)
            right = sum(self.people.paid_in.values())
            insist(paid == right, "I8", f"{paid} was credited for payments of {right}")
        for key, pod in put:
            if key.resource == "pods" and (is_deleting(pod) or phase_of(pod) == "Pending"):
                self._tell(node_of(pod))

    def _tell(self, node: str) -> None:
        machine = self._named.get(node)
        if machine is not None:
            machine.hear()

    def live(self, hours: int) -> Told:
        """Live through it; `Failed` says how to see it again."""
        asked, hours = hours, hours_of(self.profile, hours)
        try:
            self.begin()
            self.run(hours * HOUR)
            self.resellers.rest()
            self.people.rest()
            self.faults.stop()
            self.run(rest_of(self.profile))
            self._come_to_rest()
            check_advice(self.store.snapshot_now(), self.profile.settings, self.world.now)
        except (Broken, AssertionError) as error:
            raise Failed(self._report(error, asked)) from error
        return self._told(hours)

    def run(self, ms: int) -> None:
        """Let time pass."""
        end = self.world.now + ms
        while True:
            at = self._next_at()
            if at > end:
                break
            self.world.now = max(self.world.now, at)
            self.world.happen()
            self.bonds.watch_network(self.world.now, most_are_cut=self._most_are_cut())
            self.exchange.work()
        self.world.now = end

    def _next_at(self) -> Instant:
        found = [at for at in (self.world.next_at(), self.exchange.next_at()) if at is not None]
        return min(found)

    def _come_to_rest(self) -> None:
        """Look again and again for the bound's length: work may be on its way at any one moment."""
        self.history.compare()
        for attempt in range(40):
            try:
                check_settled(
                    self.store.snapshot_now(),
                    self.machines,
                    self.profile.settings,
                    self.world.now,
                )
            except Broken:
                if attempt == 39:
                    raise
                self.run(97_000)
            else:
                return

    def _report(self, error: AssertionError, hours: int) -> str:
        last = "\n  ".join(self.exchange.notes[-15:])
        return (
            f"{error}\n  seed {self.seed}, step {self.world.step}, commit {self.commits}, "
            f"{format_instant(self.world.now)}\n"
            f"  again: python -m busbar.simulator --seed {self.seed} --hours {hours}\n"
            f"  last decisions:\n  {last}"
        )

    def _told(self, hours: int) -> Told:
        view = self.store.snapshot_now()
        fees = view.balance("exchange/fee") + view.balance("exchange/rounding")
        earned = sum(n for account, n in view.balances().items() if account.startswith("vendor/"))
        contracts = sum(1 for s in self.store.journal_now() if s.entry.id.endswith("/open"))
        faults = sum(self.faults.counts.values())
        return Told(
            self.seed, hours, self.world.step, self.commits, contracts, faults, fees + earned
        )
