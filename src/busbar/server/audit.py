"""The ledger under audit while it runs: what was journalled since the last look, every few seconds.

The first look takes the whole journal, in the background. Work is done in a thread, a page at a
time with pauses, so that the event loop is not held up. What does not hold stops the money
(`gate.py`), says so in the log and as an Event, and is remembered in a file: after a restart no
money moves until the whole journal has been found good.

Checked are I1 (chain, sums, floors, balances = fold) and I3 (contracts against the journal, holds
= open contracts): these are the exchange's own, and nobody else's word can break them. I2 (each
second billed once, within what was reserved and ran) rests on what nodes reported as well: it is
told, and stops nothing. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from busbar.controllers.parts.events import event
from busbar.ledger.entries import Sealed, has_floor, held
from busbar.ledger.invariants import Auditor, ContractMoney, Violation
from busbar.ledger.settlement import reference
from busbar.model.objects import Key, Object, namespace_of, status_of, uid_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP, NAMESPACE_SYSTEM
from busbar.server.gate import MoneyGate
from busbar.server.pki import write_private
from busbar.store.contract import Snapshot, StoreFailed, Transaction

log = logging.getLogger("busbar.audit")

EVERY_S: Final = 10.0
PAGE: Final = 200
PAUSE_S: Final = 0.005
SHOWN_MAX: Final = 10
REASON: Final = "LedgerDoesNotHold"
IN_DOUBT: Final = "BillingInDoubt"


class Follower:
    """Follows the journal from snapshot to snapshot. No clock, no I/O: what it is given, it checks.

    It keeps the balances, and the sums of contracts that are open; not the entries.
    """

    def __init__(self) -> None:
        self._auditor = Auditor(remembers_ids=False)
        self._holds: Counter[str] = Counter()
        self._open: set[str] = set()
        self._since: Snapshot | None = None
        self._changed: dict[str, ContractMoney] = {}
        self._concerned: set[str] = set()
        self._late: list[Violation] = []

    @property
    def seq(self) -> int:
        """Give the last entry taken."""
        return self._auditor.seq

    def begin(self, snapshot: Snapshot) -> bool:
        """Learn which contracts have changed; says whether there is anything to check."""
        since, self._since = self._since, snapshot
        if (
            since is not None
            and since.revision == snapshot.revision
            and self.seq == snapshot.head.seq
        ):
            return False
        self._changed, self._late = {}, []
        for before, after in snapshot.changes(since, GROUP, "contracts"):
            self._hold(before, -1)
            self._hold(after, 1)
            if after is None:
                self._gone(before)
            elif before is not None and not _is_open(before):
                self._late += _changed_after_its_end(before, after)
            else:
                self._changed[reference(uid_of(after))] = ContractMoney.of(after)
        self._concerned = self._open | self._changed.keys()
        return True

    def _hold(self, contract: Object | None, sign: int) -> None:
        """Count an open contract in or out."""
        if contract is None or not _is_open(contract):
            return
        account = held(namespace_of(contract))
        self._holds[account] += sign * int(status_of(contract).get("heldNano", 0))
        if sign > 0:
            self._open.add(reference(uid_of(contract)))
        else:
            self._open.discard(reference(uid_of(contract)))

    def _gone(self, contract: Object | None) -> None:
        if contract is not None:
            self._auditor.forget(uid_of(contract))

    def feed(self, page: Iterable[Sealed]) -> list[Violation]:
        """Take the next entries, in order, up to the snapshot's end of the journal."""
        return self._auditor.feed(page, self._concerned)

    def end(self, snapshot: Snapshot) -> list[Violation]:
        """Check what the snapshot says against the journal so far."""
        balances = snapshot.balances()
        violations = self._auditor.check_balances(balances, snapshot.head.hash)
        violations += self._late
        violations += self._auditor.check_contracts(self._changed.values())
        violations += self._auditor.check_billing(self._changed.values())
        violations += [
            Violation("I3", account, f"{account} is {balance} nano-euro, below zero")
            for account, balance in balances.items()
            if balance < 0 and has_floor(account)
        ]
        accounts = {a for a in balances if a.startswith("ns/") and a.endswith("/held")}
        for account in sorted(accounts | self._holds.keys()):
            kept, right = balances.get(account, 0), self._holds[account]
            if kept != right:
                said = f"{account} holds {kept} nano-euro, open contracts hold {right}"
                violations.append(Violation("I3", account, said))
        for about, contract in self._changed.items():
            if about not in self._open:
                self._auditor.forget(contract.uid)
        return violations


class AuditStatus(msgspec.Struct, frozen=True, rename="camel"):
    """How the last look went."""

    holds: bool
    entries: int
    """The last entry that was looked at."""
    at: str
    """When, "" before the first look has ended."""
    findings: tuple[str, ...] = ()


class Audit:
    """Looks now and then, and closes the gate for good where the ledger does not hold."""

    def __init__(self, gate: MoneyGate, clock: Callable[[], Instant], mark: Path) -> None:
        self._gate = gate
        self._clock = clock
        self._mark = mark
        self._follower = Follower()
        self._in_doubt = mark.exists()
        self.status = AuditStatus(holds=True, entries=0, at="")
        if self._in_doubt:
            earlier = _read(mark)
            gate.stopped = f"{_STOPPED} {'; '.join(earlier) or 'it did not hold before'}"
            self.status = AuditStatus(holds=False, entries=0, at="", findings=earlier)
            log.critical("the ledger did not hold before: no money moves until it is verified")

    async def run(self) -> None:
        """Look for ever. A store that cannot be read is another's worry, and tried again."""
        while True:
            try:
                await self.look()
            except (StoreFailed, OSError) as error:
                log.error("the ledger could not be audited: %s", error)
            await asyncio.sleep(EVERY_S)

    async def look(self) -> AuditStatus:
        """Check what is new; the first time, everything."""
        snapshot = await self._gate.snapshot()
        if not await asyncio.to_thread(self._follower.begin, snapshot):
            return self.status
        violations = await self._feed(snapshot)
        violations += await asyncio.to_thread(self._follower.end, snapshot)
        own = [v.message for v in violations if v.invariant != "I2"]
        for doubt in (v for v in violations if v.invariant == "I2"):
            log.error("billing is in doubt: %s: %s", doubt.subject, doubt.message)
            await self._tell(IN_DOUBT, f"{doubt.subject}: {doubt.message}")
        if own:
            await self._stop(own)
        elif self.status.holds or self._in_doubt:
            self._go_on(snapshot.head.seq)
        return self.status

    async def _feed(self, snapshot: Snapshot) -> list[Violation]:
        violations: list[Violation] = []
        while (left := snapshot.head.seq - self._follower.seq) > 0:
            seq = self._follower.seq
            try:
                page = await self._gate.journal(seq, min(PAGE, left))
            except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
                said = f"the journal cannot be read after entry {seq}: {error}"
                return [*violations, Violation("I1", f"journal/{seq}", said)]
            if not page:
                said = f"the journal ends at entry {seq}, before entry {snapshot.head.seq}"
                return [*violations, Violation("I1", f"journal/{seq}", said)]
            violations += await asyncio.to_thread(self._follower.feed, page)
            await asyncio.sleep(PAUSE_S)
        return violations

    def _go_on(self, entries: int) -> None:
        self.status = AuditStatus(holds=True, entries=entries, at=format_instant(self._clock()))
        if self._in_doubt:
            self._in_doubt = False
            self._gate.stopped = ""
            self._mark.unlink(missing_ok=True)
            log.warning("the ledger holds again, all %d entries of it: money moves", entries)

    async def _stop(self, findings: list[str]) -> None:
        """Let no more money move. What was found first stays what is said."""
        self._in_doubt = False
        known = self.status.findings
        told = tuple(dict.fromkeys((*known, *findings)))[:SHOWN_MAX]
        self._gate.stopped = f"{_STOPPED} {told[0]}"
        at = format_instant(self._clock())
        self.status = AuditStatus(holds=False, entries=self._follower.seq, at=at, findings=told)
        for finding in findings[:SHOWN_MAX]:
            log.critical("THE LEDGER DOES NOT HOLD, no money moves: %s", finding)
        if told != known:
            await asyncio.to_thread(write_private, self._mark, msgspec.json.encode(told))
            await self._tell(REASON, f"{_STOPPED} {told[0]}")

    async def _tell(self, reason: str, said: str) -> None:
        snapshot = await self._gate.snapshot()
        about = snapshot.get(Key("", "namespaces", "", NAMESPACE_SYSTEM))
        if about is not None:
            put = event(snapshot, about, self._clock(), reason, said, warning=True)
            await self._gate.commit(Transaction((put,)))


_STOPPED: Final = (
    "The ledger does not hold, so no money moves: nothing new is matched, nothing is billed. See "
    "`busbar verify-ledger`; restore a backup. Found:"
)


def _is_open(contract: Object) -> bool:
    return str(status_of(contract).get("phase", "Bound")) != "Closed"


def _changed_after_its_end(before: Object, after: Object) -> list[Violation]:
    """Check that nobody touched the money of a contract that is closed and was checked."""
    was, now = ContractMoney.of(before), ContractMoney.of(after)
    if was.of_money() == now.of_money():
        return []
    said = f"{reference(was.uid)} was closed, and its money was changed after that"
    return [Violation("I3", reference(was.uid), said)]


def _read(mark: Path) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(mark.read_bytes(), type=tuple[str, ...])
    except (OSError, msgspec.DecodeError):
        return ()
