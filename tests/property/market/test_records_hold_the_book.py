"""Whatever happens to a book, its records together say what it was at each clearing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from busbar.controllers.recording import cursor
from busbar.controllers.recording.recorder import Recorder, Written
from busbar.market.attested import Attested
from busbar.market.axis import Axis
from busbar.market.book import Book
from busbar.market.calendar import Calendar
from busbar.market.commitments import Commitment
from busbar.market.company import Companion
from busbar.market.dealings import Holding
from busbar.market.occupancy import Occupancy
from busbar.market.offers import Supply
from busbar.market.publish import book_to_json, companions_to_json
from busbar.model.choosiness import Limit
from busbar.model.dtu import Resources
from busbar.model.time import HOUR
from busbar.replay.assembly import Assembly
from busbar.replay.chain import Chain
from busbar.replay.records import Record, Unsound, record_of
from busbar.store.packing import pack

Json = dict[str, Any]
ROUNDS = 60
WEIGHT_MAX = 2_000
"""What a record shows at most; a test may set less."""


class Shown:
    """A snapshot in which the latest record was kept, or was not."""

    def __init__(self) -> None:
        self.digest = ""

    def get(self, key: Any) -> Json | None:
        return {"status": {"digest": self.digest}}


class Life:
    """A book to which things happen, and its records."""

    def __init__(self, seed: int, nodes: int = 12) -> None:
        self.chance = random.Random(seed)
        self.occupancy = Occupancy()
        self.rows = {f"n{i}": self.row(f"n{i}") for i in range(nodes)}
        self.held: tuple[Holding, ...] = ()
        self.contracts: list[int] = []
        self.count, self.at = 0, 10**12
        self.shown, self.recorder = Shown(), Recorder(WEIGHT_MAX)
        self.names: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.books: dict[str, Json] = {}
        self.supplies: tuple[Supply, ...] = ()
        self.vendors = frozenset({"v"})

    def row(self, node: str) -> Supply:
        chance = self.chance
        return Supply(
            node=node,
            vendor=chance.choice("vw"),
            zone="Sweden",
            offer=chance.choice(["a", "b"]),
            offer_version=chance.choice([1, 2]),
            calendar=Calendar(chance.choice([10, 20])),
            capacity=Resources(4000, 2**33, chance.choice([0, 2]), chance.choice([0, 2**30])),
            gpu_weight_micro=chance.choice([0, 500_000]),
            attested=chance.choice([(), (Attested("cert", "A", "x", 0, HOUR),)]),
            limit=chance.choice([Limit(), Limit(share_ppm=500_000)]),
            ready=chance.random() < 0.8,
        )

    def happen(self) -> None:
        """Let one thing happen."""
        match self.chance.randrange(8):
            case 0 | 1 | 2:
                self.count += 1
                self.contracts.append(self.count)
                self.occupancy.put(self.count, self.commitment())
            case 3 if self.contracts:
                self.occupancy.put(self.chance.choice(self.contracts), self.commitment())
            case 4 if self.contracts:
                self.occupancy.drop(self.contracts.pop(self.chance.randrange(len(self.contracts))))
            case 5:
                node = f"n{self.chance.randrange(14)}"
                self.rows[node] = self.row(node)
            case 6 if len(self.rows) > 1:
                self.rows.pop(self.chance.choice(list(self.rows)))
            case 7:
                self.held = tuple(self.holding() for _ in range(self.chance.randrange(4)))

    def commitment(self) -> Commitment:
        chance = self.chance
        end = chance.choice([None, 10**12 + HOUR])
        return Commitment(f"n{chance.randrange(12)}", Resources(250, 2**28), 0, end)

    def holding(self) -> Holding:
        consumer = self.chance.choice(["c", "d"])
        return Holding("a", consumer, Resources(self.chance.choice([1, 2]), 1), 0, None)

    def clear(self) -> Written:
        """Write a record, with companions of its own batch."""
        rows = tuple(sorted(self.rows.values(), key=lambda row: row.node))
        # A book that nothing happened to has the same rows, as the market's has.
        if rows != self.supplies:
            self.supplies = rows
            self.vendors = frozenset({"v"}) | {row.vendor for row in rows}
        # As a clearing does: it may have the occupancy number nodes as the book does.
        Book(self.supplies, self.occupancy, self.vendors).free(
            Axis(self.at, (self.at, self.at + 1))
        )
        companions = (Companion("n1", (f"g{self.at % 3}",), ()),)
        book = Book(self.supplies, self.occupancy, self.vendors, companions, self.held)
        self.at += self.chance.choice([1, 50, 3000])
        name = f"c-{self.at}-{len(self.names)}"
        said = {"atMs": self.at, "orders": [], "companions": companions_to_json(book)}
        written = self.recorder.write(self.shown, name, book, said)  # type: ignore[arg-type]
        self.shown.digest = written.digest
        self.names.append(name)
        self.bodies[name] = written.record.body
        self.books[name] = canonical(book_to_json(book))
        return written

    def live(self, rounds: int = ROUNDS) -> None:
        """Live some rounds."""
        for _ in range(rounds):
            for _ in range(self.chance.randrange(5)):
                self.happen()
            self.clear()


class Kept:
    """The records of a life as a source."""

    def __init__(self, life: Life, first: int = 0) -> None:
        self._life, self._first = life, first

    def latest(self) -> Iterator[str]:
        return reversed(self._life.names[self._first :])

    def fetch(self, name: str) -> bytes | None:
        body = self._life.bodies.get(name)
        return None if body is None else pack(body)


def canonical(book: Json) -> Json:
    """Put lists in one order, rows one by one, and take what the wire leaves out for empty."""
    found = json.loads(json.dumps(book))
    found["supply"] = [
        {**offer, "nodes": [node]} for offer in found["supply"] for node in offer["nodes"]
    ]
    for entry in found["commitments"]:
        entry.setdefault("ephemeralBytes", 0)
    found.setdefault("holdings", [])
    for title in ("supply", "commitments", "holdings", "companions"):
        found[title].sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    return found


def book_in(status: Json) -> Json:
    fields = ("vendors", "supply", "commitments", "holdings", "companions")
    return canonical({field: status[field] for field in fields})


@pytest.fixture(params=["whole", "by stretches", "spread from the start"])
def pace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How much of the book a record shows."""
    if request.param != "whole":
        monkeypatch.setattr(f"{__name__}.WEIGHT_MAX", 60)
    if request.param == "spread from the start":
        monkeypatch.setattr(cursor, "WHOLE_MAX", 0)
        monkeypatch.setattr(cursor, "FIRST_LAP", 1)
    return str(request.param)


@pytest.mark.parametrize("seed", range(8))
def test_the_book_of_each_clearing_is_in_its_records(seed: int, pace: str) -> None:
    life = Life(seed)
    life.live()
    found = {one.name: one for one in Chain(Kept(life)).books(life.names)}
    for name in life.names:
        status = found[name].status
        assert status is not None, found[name].why
        assert book_in(status) == life.books[name]


@pytest.mark.parametrize("seed", range(8))
def test_a_clearing_is_known_also_where_what_it_rests_on_was_dropped(seed: int, pace: str) -> None:
    life = Life(seed)
    life.live()
    (found,) = Chain(Kept(life, first=20)).books([life.names[20]])
    assert found.status is not None
    assert book_in(found.status) == life.books[life.names[20]]


@pytest.mark.parametrize("seed", range(8))
def test_a_chain_that_begins_anew_rests_on_nothing_older(seed: int, pace: str) -> None:
    life = Life(seed)
    life.live(30)
    life.recorder = Recorder(WEIGHT_MAX)
    begun = life.clear()
    assert begun.previous == ""
    life.live(40)
    later = life.names[30:]
    for found in Chain(Kept(life, first=30)).books(later):
        assert found.status is not None, found.why
        assert book_in(found.status) == life.books[found.name]


def test_a_record_that_was_not_kept_begins_a_chain_anew() -> None:
    life = Life(1)
    life.live(3)
    life.shown.digest = "of another"
    assert life.clear().previous == ""
    life.happen()
    assert life.clear().previous != ""


def test_a_market_left_alone_for_long_begins_a_chain_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busbar.market.occupancy.NOTED_MAX", 5)
    life = Life(1)
    life.live(3)
    for number in range(6):
        life.occupancy.put(f"more {number}", life.commitment())
    assert life.clear().previous == ""


def test_a_chain_begun_lately_is_not_known_yet_where_little_was_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{__name__}.WEIGHT_MAX", 9)
    for name, value in {"WHOLE_MAX": 0, "FIRST_LAP": 1}.items():
        monkeypatch.setattr(cursor, name, value)
    life = Life(1)
    life.live(2)
    found = list(Chain(Kept(life)).books(life.names))
    assert [one.status for one in found] == [None, None]
    assert all(one.is_sound for one in found)
    assert found[0].why == "its book has not been shown whole by the records up to now"


@pytest.mark.parametrize("table", ["nodes", "commitments"])
def test_a_change_that_is_left_out_is_found(table: str) -> None:
    life, assembly = Life(3), Assembly()
    life.clear()
    life.rows["n1"] = replace(life.rows["n1"], ready=not life.rows["n1"].ready)
    life.occupancy.put("x", life.commitment())
    for _ in range(6):
        life.clear()
    records = [record_of(name, life.bodies[name]) for name in life.names]
    assert records[1].book[table].pop("changed")
    with pytest.raises(Unsound, match=f"line .* of the {table} is .*: a change was left out"):
        follow_all(assembly, records)


def follow_all(assembly: Assembly, records: list[Record]) -> None:
    for record in records:
        assembly.follow(record)


def test_no_more_names_are_asked_for_than_are_needed() -> None:
    life = Life(1)
    life.live(30)
    asked: list[str] = []

    class Counting(Kept):
        def latest(self) -> Iterator[str]:
            for name in super().latest():
                asked.append(name)
                yield name

    chain = Chain(Counting(life))
    (found,) = chain.books(chain.names.last(1))
    assert found.status is not None
    assert len(asked) < 10
