"""The ledger under audit: what does not hold stops the money, says so, and stays stopped."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from busbar.ledger.entries import Entry, Posting, Sealed
from busbar.ledger.settlement import hold, settle, top_up
from busbar.model.objects import Key, Object
from busbar.model.time import HOUR
from busbar.server.audit import IN_DOUBT, REASON, Audit
from busbar.server.gate import MoneyGate
from busbar.store.contract import ANY, Committed, Put, Refused, Store, Transaction, Why
from busbar.store.memory import MemoryStore
from busbar.store.sqlite import SqliteStore

NOW = 1_800_000_000_000
EURO = 10**9
CONTRACT = Key("busbar.dev", "contracts", "xyz", "c")


def contract(**status: Any) -> Object:
    """A contract for an hour at 1 euro per DTU and 1 DTU per hour, under way."""
    said = {"phase": "Running", "heldNano": EURO, "startedMs": NOW} | status
    return {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Contract",
        "metadata": {"name": "c", "namespace": "xyz", "uid": "u"},
        "spec": {
            "drawMicro": 1_000_000,
            "slots": [{"startMs": NOW, "endMs": NOW + HOUR, "priceNano": EURO}],
        },
        "status": said,
    }


class House:
    """A store behind its gate, with ten euro paid in and a contract that holds one."""

    def __init__(self, store: Store, mark: Path) -> None:
        self.store = store
        self.gate = MoneyGate(store)
        self.audit = Audit(self.gate, lambda: NOW, mark)
        self.mark = mark

    async def begin(self) -> House:
        for namespace in ("xyz", "busbar-system"):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await self.commit(Put(Key("", "namespaces", "", namespace), made, ANY))
        await self.commit(entries=(top_up("xyz", 10 * EURO, NOW, "k"),))
        await self.commit(Put(CONTRACT, contract(), ANY), entries=(hold("u", "xyz", EURO, NOW),))
        return self

    async def commit(self, *ops: Put, entries: tuple[Entry, ...] = ()) -> Committed | Refused:
        return await self.gate.commit(Transaction(ops, entries))

    async def finish(self, **status: Any) -> None:
        """Bill the hour and close the contract."""
        bill = settle("u", "xyz", "v", NOW, NOW + HOUR, EURO, 1_000_000, 0, NOW)
        assert bill.entry is not None
        closed = {
            "phase": "Closed",
            "heldNano": 0,
            "billedNano": bill.debit,
            "vendorNano": bill.vendor_credit,
            "feeNano": bill.fee,
            "roundingNano": bill.rounding,
            "finishedMs": NOW + HOUR,
            "settledUntilMs": NOW + HOUR,
        }
        done = Put(CONTRACT, contract(**closed | status), ANY)
        assert isinstance(await self.commit(done, entries=(bill.entry,)), Committed)

    async def events(self, reason: str) -> list[str]:
        found = (await self.store.list("", "events")).items
        return [event["message"] for event in found if event["reason"] == reason]

    async def moves(self) -> bool:
        """Say whether money still moves."""
        outcome = await self.commit(entries=(top_up("xyz", 1, NOW, f"t{self.audit.status}"),))
        if isinstance(outcome, Refused):
            assert outcome.why is Why.MONEY_STOPPED
        return isinstance(outcome, Committed)


Story = Callable[[House], Any]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story in a house with a store in memory."""

    async def run(story: Story) -> None:
        await story(await House(MemoryStore(), tmp_path / "stopped.json").begin())

    return lambda story: asyncio.run(run(story))


def test_a_sound_ledger_is_followed_as_it_grows(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        status = await house.audit.look()
        assert (status.holds, status.entries) == (True, 2)
        await house.finish()
        assert (await house.audit.look()).entries == 3
        assert await house.moves()
        assert (await house.audit.look()).holds

    tell(story)


def test_nothing_is_read_twice(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        await house.audit.look()
        asked: list[int] = []
        journal = house.store.journal

        async def counted(after_seq: int = 0, limit: int = 0) -> tuple[Sealed, ...]:
            asked.append(after_seq)
            return await journal(after_seq, limit)

        monkeypatch.setattr(house.store, "journal", counted)
        await house.audit.look()
        await house.finish()
        await house.audit.look()
        assert asked == [2]

    tell(story)


def crooked(house: House) -> None:
    """Let the store keep a balance that its postings do not give."""
    store: Any = house.store
    store._state.set_balances({"ns/xyz/available": 99 * EURO})


def test_what_does_not_hold_stops_the_money_and_nothing_else(
    tell: Callable[[Story], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(house: House) -> None:
        await house.audit.look()
        crooked(house)
        assert await house.moves()  # Nobody has looked yet.
        with caplog.at_level(logging.CRITICAL, "busbar.audit"):
            status = await house.audit.look()
        assert not status.holds
        assert "ns/xyz/available is kept as" in status.findings[0]
        assert "THE LEDGER DOES NOT HOLD" in caplog.text
        assert "so no money moves" in (await house.events(REASON))[0]
        assert not await house.moves()
        thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
        put = Put(Key("", "configmaps", "xyz", "m"), thing, ANY)
        assert isinstance(await house.commit(put), Committed)
        await house.audit.look()
        assert not await house.moves()

    tell(story)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"heldNano": 2 * EURO}, "open contracts hold 2000000000"),
        ({"billedNano": 5}, "says billed 5"),
        ({"phase": "Closed", "heldNano": 0}, "is closed and still holds"),
    ],
    ids=["more held", "billed without an entry", "closed with its hold"],
)
def test_a_contract_that_says_other_than_the_journal_is_found(
    tell: Callable[[Story], None], status: dict[str, Any], found: str
) -> None:
    async def story(house: House) -> None:
        await house.audit.look()
        await house.commit(Put(CONTRACT, contract(**status), ANY))
        findings = (await house.audit.look()).findings
        assert any(found in finding for finding in findings), findings

    tell(story)


def test_a_closed_contract_that_is_only_labelled_is_fine(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.finish()
        await house.audit.look()
        closed = await house.store.get(CONTRACT)
        assert closed is not None
        labelled = {**closed, "metadata": {**closed["metadata"], "labels": {"a": "b"}}}
        await house.commit(Put(CONTRACT, labelled, ANY))
        assert (await house.audit.look()).holds
        lied = {**labelled, "status": {**labelled["status"], "billedNano": 1}}
        await house.commit(Put(CONTRACT, lied, ANY))
        assert "its money was changed after that" in (await house.audit.look()).findings[0]

    tell(story)


def test_doubt_about_what_ran_is_told_and_stops_nothing(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.finish(finishedMs=NOW + HOUR // 2)
        assert (await house.audit.look()).holds
        assert "is billed and did not run" in (await house.events(IN_DOUBT))[0]
        assert await house.moves()

    tell(story)


def test_after_a_restart_no_money_moves_until_all_of_it_was_found_good(
    tell: Callable[[Story], None],
) -> None:
    async def story(house: House) -> None:
        crooked(house)
        await house.moves()
        await house.audit.look()
        again = House(house.store, house.mark)
        assert not await again.moves()
        assert not again.audit.status.holds
        assert not (await again.audit.look()).holds
        assert not await again.moves()

        mended = await House(MemoryStore(), house.mark.with_name("other")).begin()
        mended = House(mended.store, house.mark)
        assert not await mended.moves()
        assert (await mended.audit.look()).holds
        assert await mended.moves()
        assert not house.mark.exists()

    tell(story)


def test_a_mark_that_cannot_be_read_still_stops(tmp_path: Path) -> None:
    mark = tmp_path / "stopped.json"
    mark.write_text("half a sen")
    house = House(MemoryStore(), mark)
    assert not asyncio.run(house.moves())


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE journal SET entry = CAST(replace(CAST(entry AS TEXT), 'xyz/k', 'xyz/q') AS BLOB) "
        "WHERE seq = 1",
        "UPDATE journal SET hash = 'f' || substr(hash, 2) WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "UPDATE journal SET entry = CAST('half' AS BLOB) WHERE seq = 1",
    ],
    ids=["an entry", "a hash", "a gap", "unreadable"],
)
def test_a_journal_changed_on_the_disk_is_found_at_the_first_look(
    tmp_path: Path, harm: str
) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path / "store")
        house = await House(store, tmp_path / "stopped.json").begin()
        with sqlite3.connect(tmp_path / "store" / "busbar.db") as connection:
            before = connection.total_changes
            connection.execute(harm)
            assert connection.total_changes > before
        connection.close()
        assert not (await house.audit.look()).holds
        assert not await house.moves()
        await store.close()

    asyncio.run(story())


def test_an_entry_that_takes_from_nobody_is_found(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.audit.look()
        store: Any = house.store
        postings = (Posting("ns/xyz/available", 5),)
        forged = Sealed(3, Entry("forged", "topup", NOW, postings), "0" * 64)
        store._journal.append(forged)
        store._state.move_to(store._state.revision, store._state.head._replace(seq=3))
        await house.commit(Put(Key("", "configmaps", "x", "y"), {"metadata": {"name": "y"}}, ANY))
        assert not (await house.audit.look()).holds

    tell(story)
