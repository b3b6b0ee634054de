"""What the public record costs: a batch of 1,000 orders beside a million contracts.

    bench/run record

The record's own share is what it takes beyond writing the orders and what came out of them, which
every published clearing has. Then the whole book is put together from the records, as an auditor
does it. Next: `standing_book.py`.
"""

from __future__ import annotations

import random
import time
from typing import Any

import msgspec
from bench.books import NOW, Size
from bench.clearing import NEW, STANDING, calm
from bench.report import Row, at_most, shown
from bench.standing_book import Store

from busbar.controllers.market import record
from busbar.controllers.market.inputs import Inputs, read_inputs
from busbar.controllers.recording.recorder import Recorder
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.clearing import clear
from busbar.market.outcome import Clearing
from busbar.market.publish import batch_to_json
from busbar.model.time import SECOND
from busbar.replay.assembly import Assembly
from busbar.replay.records import read_record
from busbar.store.contract import Put, Transaction
from busbar.store.packing import pack

RUNS = 5
SIZE = Size(65_000)
KEPT = 200


class _Exchange:
    """A market of a million contracts, and the records of its clearings."""

    def __init__(self) -> None:
        self.store = Store(SIZE, STANDING, seed=1)
        self.standing, self.recorder = Standing(), Recorder(Settings().record_weight_max)
        self.packed: dict[str, bytes] = {}
        self.now = NOW
        read_inputs(self.standing, self.store.snapshot(), NOW, Settings().procure_ms)

    def publish(self, inputs: Inputs, clearing: Clearing) -> tuple[float, Transaction]:
        """Write a record a second later than the last; give the processor time, and it."""
        self.now += SECOND
        snapshot = self.store.snapshot()
        name = record.clearing_name(self.now, snapshot.revision)
        came_out = Clearing(self.now, *_parts(clearing))
        begin = time.process_time()
        done = record.record(snapshot, self.recorder, name, inputs, came_out, self.now, KEPT)
        took = time.process_time() - begin
        (put,) = (op for op in done.ops if isinstance(op, Put))
        self.store.put_object(put.key, put.obj)
        self.packed[name] = pack(done.records[0].body)
        return took, done


def _parts(clearing: Clearing) -> tuple[Any, ...]:
    return clearing.seed, clearing.rule, clearing.matches, clearing.refusals


def rows() -> list[Row]:
    """Give the rows of the table."""
    with calm():
        return list(_rows(_Exchange()))


def _rows(exchange: _Exchange) -> list[Row]:
    spread = _until_whole(exchange)
    beyond, whole, raw, packing = [], [], 0, 0.0
    chance = random.Random(4)
    for run in range(RUNS):
        exchange.store.add_pods(SIZE, NEW, seed=10 + run)
        inputs = read_inputs(
            exchange.standing, exchange.store.snapshot(), NOW, Settings().procure_ms
        )
        clearing = clear(inputs.book, inputs.batch, NOW, funds=inputs.funds)
        _written_plainly(inputs, clearing)
        plain = _written_plainly(inputs, clearing)
        took, done = exchange.publish(inputs, clearing)
        whole.append(took)
        beyond.append(took - plain)
        raw = len(done.records[0].body)
        begin = time.process_time()
        packed = len(pack(done.records[0].body))
        packing = time.process_time() - begin
        for i, match in enumerate(clearing.matches):
            exchange.store.add_contract(STANDING + run * NEW + i, match.node, chance)
        exchange.store.remove_pods()
    begin = time.process_time()
    lines = _assembled(exchange)
    what = f"{NEW:,} new orders beside {STANDING:,} contracts on 65,000 nodes"
    return [
        at_most(f"record: {what}, beyond the orders", 1000 * min(beyond[1:]), "ms", 5),
        shown("the same: with the orders and what came out", 1000 * min(whole[1:]), "ms"),
        shown("the same: packing it, in the store's thread", 1000 * packing, "ms"),
        shown("the same: bytes before packing", raw / 1024, "KiB"),
        shown("the same: bytes kept", packed / 1024, "KiB"),
        shown("records until the whole book was shown after a start", spread[0], ""),
        shown("the longest of them", 1000 * spread[1], "ms"),
        shown(
            f"putting a book of {lines:,} lines together from {len(exchange.packed)} records",
            time.process_time() - begin,
            "s",
        ),
    ]


def _written_plainly(inputs: Inputs, clearing: Clearing) -> float:
    """Give the processor time of writing the orders and what came out, and nothing else."""
    begin = time.process_time()
    msgspec.json.encode(batch_to_json(inputs.batch, clearing))
    return time.process_time() - begin


def _until_whole(exchange: _Exchange) -> tuple[int, float]:
    """Publish empty batches until a record says that the whole book is known; and the longest."""
    snapshot = exchange.store.snapshot()
    inputs = read_inputs(exchange.standing, snapshot, NOW, Settings().procure_ms)
    clearing = clear(inputs.book, (), NOW)
    longest = 0.0
    while True:
        took, done = exchange.publish(inputs, clearing)
        longest = max(longest, took)
        if msgspec.json.decode(done.records[0].body)["since"] is not None:
            return len(exchange.packed), longest


def _assembled(exchange: _Exchange) -> int:
    assembly = Assembly()
    for name, packed in exchange.packed.items():
        assembly.follow(read_record(name, packed))
    assert assembly.is_whole
    status = assembly.status()
    return len(status["commitments"]) + sum(len(offer["nodes"]) for offer in status["supply"])
