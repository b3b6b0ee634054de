"""A check that cannot fail is no check: one bug per invariant, planted here, must be caught."""

from __future__ import annotations

from collections import Counter

import pytest

from busbar.controllers import attestations, pools
from busbar.controllers.contract import NOTHING
from busbar.controllers.contracts import closing, held, heldview, money, running, transfer
from busbar.controllers.contracts.counts import counted
from busbar.controllers.contracts.heldview import HeldView
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.finished import FinishedPodController
from busbar.controllers.garbage import GarbageController
from busbar.controllers.market import controller as market
from busbar.controllers.market import matches
from busbar.controllers.moves import controller as moves
from busbar.controllers.pools import Pool
from busbar.controllers.recording.tables import Promised
from busbar.controllers.remembered import pools as remembered
from busbar.controllers.remembered.contracts import Contracts
from busbar.controllers.replicas import controller as replicas
from busbar.controllers.standing import Standing
from busbar.market import gathering
from busbar.market.occupancy import Occupancy
from busbar.model.attestations import trust
from busbar.model.dtu import Resources
from busbar.model.time import MINUTE
from busbar.simulator import haulage
from busbar.simulator.checks.history import HistoryCheck
from busbar.simulator.cloud import Cloud, Failed
from busbar.simulator.machine import Machine
from busbar.simulator.network import Weather
from busbar.simulator.profile import SETTINGS, Profile
from busbar.store.contract import Transaction
from busbar.store.memory import MemoryStore
from busbar.store.watching import LogWatch

BUSY = Profile(
    machines=3,
    vendors=2,
    namespaces=2,
    weather=Weather(lost=0.05, late_ms=2_000),
    settings=SETTINGS,
    order_every_ms=4 * MINUTE,
    meddle_every_ms=15 * MINUTE,
    fault_every_ms=30 * MINUTE,
)

WARY = BUSY._replace(wary=0.8, audit_every_ms=6 * MINUTE, fault_every_ms=180 * MINUTE)
SERVING = BUSY._replace(serving=True, vendors=3, machines=5, meddle_every_ms=10 * MINUTE)


PROCURING = BUSY._replace(procures=True, order_every_ms=2 * MINUTE)
RESELLING = BUSY._replace(resells=True, namespaces=3)
PATIENT = BUSY._replace(patient=True, meddle_every_ms=60 * MINUTE)
"""Many may be interrupted, and work in pieces lives to see its second one."""
SEEDS = 40
"""So many lives are lived until one shows a planted bug: most do at once, and a change of the
simulator must not turn luck into failure."""


def failure_of(seed: int, profile: Profile, hours: int) -> Failed | None:
    """Live a life; gives what it ends with, None where all holds."""
    try:
        Cloud(seed, profile).live(hours)
    except Failed as failed:
        return failed
    return None


def broken_by(seed: int, profile: Profile, hours: int) -> str:
    """Give the invariant that a life breaks, "" where all hold."""
    failed = failure_of(seed, profile, hours)
    return "" if failed is None else getattr(failed.__cause__, "invariant", str(failed))


def caught_as(
    invariant: str, profile: Profile = BUSY, seeds: int = SEEDS, hours: int = 6, first: int = 0
) -> bool:
    """Say whether some life breaks an invariant, whatever it or others break besides.

    `first` is a seed that breaks it soon; the others are there for when it no longer does.
    """
    others = set()
    for seed in range(first, first + seeds):
        broken = broken_by(seed, profile, hours)
        if broken == invariant:
            return True
        others.add(broken or "nothing")
    pytest.fail(f"{seeds} lives break {', '.join(sorted(others))}, none of them {invariant}")


def test_a_failure_says_how_to_see_it_again(monkeypatch):
    monkeypatch.setattr(Occupancy, "put", lambda *_: None)
    lives = ((seed, failure_of(seed, BUSY, 6)) for seed in range(SEEDS))
    seed, failed = next((seed, failed) for seed, failed in lives if failed is not None)
    assert f"python -m busbar.simulator --seed {seed} --hours 6" in str(failed)


def test_without_a_planted_bug_nothing_is_caught():
    assert [broken_by(seed, BUSY, 1) for seed in range(2)] == ["", ""]


def test_i1_a_balance_that_is_not_the_fold_of_its_postings(monkeypatch):
    take, entered = MemoryStore._take, Counter[MemoryStore]()

    def leaking(self, effect):
        take(self, effect)
        entered[self] += bool(effect.journalled)
        if effect.journalled and entered[self] == 20:
            account = effect.journalled[0].sealed.entry.postings[0].account
            self._state.set_balances({account: self._state.balance(account) + 1})
            self._visible = self._state.view()

    monkeypatch.setattr(MemoryStore, "_take", leaking)
    assert caught_as("I1")


def test_i2_a_slot_billed_to_its_end_though_nobody_saw_the_workload_run(monkeypatch):
    monkeypatch.setattr(ContractView, "known_until", property(lambda view: view.now))
    assert caught_as("I2", hours=3, first=20)


def test_i2_capacity_paid_for_though_its_node_was_lost(monkeypatch):
    monkeypatch.setattr(HeldView, "known_until", property(lambda view: view.now))
    for module in (held, heldview):
        monkeypatch.setattr(module, "is_ready", lambda node: True)
    assert caught_as("I2", BUSY._replace(procures=True, order_every_ms=MINUTE))


def test_i2_data_that_is_counted_twice(monkeypatch):
    monkeypatch.setattr(haulage, "counted", lambda c, read, wrote: counted(c, 2 * read, 2 * wrote))
    assert caught_as("I2", first=1)


def test_i2_data_that_is_not_billed_at_the_end(monkeypatch):
    monkeypatch.setattr(transfer, "_unbilled", lambda terms, known: iter(()))
    assert caught_as("I2", first=1)


def test_i3_a_hold_for_data_that_is_not_given_back(monkeypatch):
    billed = money.billed_data
    monkeypatch.setattr(
        money, "billed_data", lambda view, settled, fee, **_: billed(view, settled, fee)
    )
    assert caught_as("I3", first=1)


def test_i3_a_hold_that_is_not_given_back(monkeypatch):
    settle_all = closing.settle_all

    def keeping(*args):
        settled = settle_all(*args)
        entries = tuple(e for e in settled.entries if e.kind != "release")
        return settled._replace(entries=entries)

    monkeypatch.setattr(closing, "settle_all", keeping)
    assert caught_as("I3")


def test_i4_capacity_sold_twice(monkeypatch):
    monkeypatch.setattr(Occupancy, "put", lambda *_: None)
    assert caught_as("I4")


def test_i4_held_capacity_drawn_twice(monkeypatch):
    monkeypatch.setattr(Pool, "room", lambda self, at: self.held_at(at))
    monkeypatch.setattr(Pool, "claimed", lambda self, start, end: Resources())
    profile = BUSY._replace(procures=True, order_every_ms=2 * MINUTE)
    assert caught_as("I4", profile, first=6)


def test_i4_held_capacity_sold_while_it_is_drawn(monkeypatch):
    left_of = remembered.left_of
    monkeypatch.setattr(remembered, "left_of", lambda pool, now: left_of(Pool(pool.held), now))
    assert caught_as("I4", RESELLING)


def test_i4_held_capacity_let_go_though_later_hours_of_it_are_sold(monkeypatch):
    monkeypatch.setattr(held, "losing", lambda there, gone, now: [])
    assert caught_as("I4", RESELLING)


def test_i5_a_cut_off_agent_that_lets_its_workloads_run_on(monkeypatch):
    monkeypatch.setattr(Machine, "lease_ran_out", lambda self: None)
    assert caught_as("I5", BUSY._replace(fault_every_ms=15 * MINUTE))


def test_i7_a_watch_that_misses_a_change(monkeypatch):
    take = LogWatch.take

    def forgetful(self):
        events = take(self)
        return events[:-1] if len(events) > 60 else events

    monkeypatch.setattr(LogWatch, "take", forgetful)
    assert caught_as("I7")


def test_i7_a_change_that_is_only_looked_for_among_what_was_touched(monkeypatch):
    """The comparison of everything is left out: that of what commits changed must see it."""
    monkeypatch.setattr(HistoryCheck, "compare", HistoryCheck._take)
    put = MemoryStore._take

    def forgetful(self, effect):
        put(self, effect)
        for change in effect.changes[-1:]:
            if change.key.resource == "pods" and self._state.get(change.key) is not None:
                self._state.put(change.key, dict(self._state.get(change.key)))
                self._visible = self._state.view()

    monkeypatch.setattr(MemoryStore, "_take", forgetful)
    monkeypatch.setattr("busbar.simulator.checks.history.EVERY", 1)
    assert caught_as("I7")


def test_i8_a_payment_entered_twice_that_counts_twice(monkeypatch):
    monkeypatch.setattr(MemoryStore, "_known", lambda self, id_: None)
    assert caught_as("I8")


def test_i10_finished_pods_that_pile_up(monkeypatch):
    nothing = lambda self, snapshot, key, now: NOTHING  # noqa: E731
    monkeypatch.setattr(FinishedPodController, "reconcile", nothing)
    none_kept = BUSY._replace(settings=BUSY.settings._replace(finished_pods_kept=0))
    assert caught_as("I10", none_kept, hours=1)


def test_i10_an_owner_that_waits_for_ever_for_what_it_owns(monkeypatch):
    monkeypatch.setattr(GarbageController, "reconcile", lambda self, snapshot, key, now: NOTHING)
    assert caught_as("I10", hours=1, first=25)


def test_i13_members_of_a_gang_that_are_committed_one_by_one(monkeypatch):
    commit = matches._Batch.commit
    made = []

    def forgetful(self, match):
        """Leave out every second member of a gang."""
        if matches.gang_of_match(self._inputs, match) is not None:
            made.append(match)
            if len(made) % 2:
                return Transaction()
        return commit(self, match)

    monkeypatch.setattr(matches._Batch, "commit", forgetful)
    assert caught_as("I13")


def test_i13_a_gang_that_is_matched_before_it_is_whole(monkeypatch):
    monkeypatch.setattr(gathering, "counted", lambda gangs: (1, 1))
    assert caught_as("I13")


def test_i10_a_service_with_one_pod_more_than_is_wanted(monkeypatch):
    first_to_go = replicas.first_to_go
    monkeypatch.setattr(replicas, "first_to_go", lambda pods, count: first_to_go(pods, count - 1))
    assert caught_as("I10", hours=3, first=12)


def test_i15_a_limit_that_forgets_what_a_consumer_has(monkeypatch):
    monkeypatch.setattr(Standing, "holdings", lambda self: ())
    assert caught_as("I15")


def test_i15_a_limit_that_forgets_who_goes_on_beyond_what_is_held(monkeypatch):
    monkeypatch.setattr(Pool, "shares", lambda self: ())
    assert caught_as("I15", PROCURING)


def test_i14_held_room_given_out_for_hours_that_were_taken_back(monkeypatch):
    monkeypatch.setattr(pools, "_reclaimed_at", lambda contract: 2**62)
    habits = PROCURING._replace(
        serving=True, vendors=3, machines=5, order_every_ms=4 * MINUTE, meddle_every_ms=10 * MINUTE
    )
    quiet = habits._replace(fault_every_ms=600 * MINUTE)
    assert caught_as("I14", quiet, hours=12, first=32)


def test_i16_a_piece_that_is_forgotten(monkeypatch):
    monkeypatch.setattr(matches._Batch, "_later_pieces", lambda self, ordered, match: Transaction())
    assert caught_as("I16", PATIENT)


def test_i5_a_piece_that_neither_ends_nor_is_waited_for(monkeypatch):
    def on_and_on(self, changes, settled, overdue):
        return self._write(changes, settled.entries, self._later(self._due(settled)))

    monkeypatch.setattr(running.RunningCase, "_until_piece_ends", on_and_on)
    monkeypatch.setattr(Contracts, "pieces_before", lambda self, contract: [])
    assert caught_as("I5", PATIENT, first=25)


def test_i18_a_statement_taken_back_that_goes_on_counting(monkeypatch):
    monkeypatch.setattr(attestations, "revoked", lambda snapshot, now: set())
    assert caught_as("I18", WARY)


def test_i18_a_signature_that_nobody_verifies(monkeypatch):
    monkeypatch.setattr(trust, "is_signed", lambda envelope, key: True)
    assert caught_as("I18", WARY)


def test_i10_a_service_that_is_moved_before_its_new_place_is_ready(monkeypatch):
    monkeypatch.setattr(moves, "available_from", lambda pod, owner: 0)
    assert caught_as("I10", SERVING, hours=6)


def test_i10_a_service_that_is_moved_for_a_saving_outside_of_its_move_hours(monkeypatch):
    monkeypatch.setattr(moves, "may_move_now", lambda replica_set, deployment, now: True)
    assert caught_as("I10", SERVING, hours=6)


def test_i11_a_price_that_does_not_follow_from_the_book(monkeypatch):
    clear = market.clear

    def greedy(*args, **kwargs):
        clearing = clear(*args, **kwargs)
        matches = []
        for match in clearing.matches:
            first, *rest = match.segments
            dearer = first._replace(price_nano=first.price_nano + 1)
            matches.append(match._replace(segments=(dearer, *rest)))
        return type(clearing)(
            clearing.at, clearing.seed, clearing.rule, tuple(matches), clearing.refusals
        )

    monkeypatch.setattr(market, "clear", greedy)
    assert caught_as("I11")
    monkeypatch.setattr("busbar.simulator.checks.clearings.ALL_UP_TO", 1)
    assert caught_as("I11")


def test_i11_a_change_of_the_book_that_is_left_out_of_a_record(monkeypatch):
    """Its line is shown, or changes, again: records of lives show little of the book."""
    changes = Promised.changes
    monkeypatch.setattr(Promised, "changes", lambda self: changes(self)[1:])
    assert caught_as("I11")
