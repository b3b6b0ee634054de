"""Balances and verification as folds over the journal: streaming, in one pass.

Next: `accounts.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from busbar.ledger.chain import GENESIS, encode, link
from busbar.ledger.checks import check_entry
from busbar.ledger.entries import Entry, Kind, Sealed, has_floor
from busbar.ledger.periods import closed_month, month_of
from busbar.ledger.seen import Seen


class Defect(StrEnum):
    """The closed list of what can be wrong with a journal."""

    GAP = "Gap"
    CHAIN_BROKEN = "ChainBroken"
    ENTRY_UNSOUND = "EntryUnsound"
    BELOW_FLOOR = "BelowFloor"
    ID_REUSED = "IdReused"
    BALANCE_DIFFERS = "BalanceDiffers"
    SUM_NOT_ZERO = "SumNotZero"
    HEAD_DIFFERS = "HeadDiffers"
    DATED_IN_CLOSED = "DatedInClosed"
    UNREADABLE = "Unreadable"


class Finding(NamedTuple):
    """One defect: the entry at which it shows (0: the journal as a whole) and a sentence."""

    defect: Defect
    seq: int
    message: str

    def __str__(self) -> str:
        return self.message


def fold(entries: Iterable[Entry], start: Mapping[str, int] | None = None) -> dict[str, int]:
    """Give the balances after some entries, on top of `start`."""
    balances = Counter(start or {})
    for entry in entries:
        for account, amount in entry.postings:
            balances[account] += amount
    return dict(balances)


class Verifier:
    """Follows a journal entry by entry and says what is wrong with it.

    Holds the balances and a few bytes per id, not the entries: millions of them stream through.
    After a broken link it goes on from the hash as it stands, so that one change is one finding.
    Without `remembers_ids` it takes the journal's word that no id occurs twice: for who follows one
    for years, out of a table that holds them unique.
    """

    def __init__(self, *, remembers_ids: bool = True) -> None:
        self._remembers_ids = remembers_ids
        self.seq = 0
        self.head = GENESIS
        self.balances: dict[str, int] = {}
        self._ids = Seen()
        self._closed: set[str] = set()

    def feed(self, sealed: Sealed) -> Iterator[Finding]:
        """Take the next entry; give what is wrong with it."""
        seq, entry, claimed = sealed
        if seq != self.seq + 1:
            yield Finding(Defect.GAP, seq, f"entry {self.seq + 1} is missing before entry {seq}")
        elif link(self.head, seq, encode(entry)) != claimed:
            said = f"entry {seq} ({entry.id!a}) or one before it was changed: its hash differs"
            yield Finding(Defect.CHAIN_BROKEN, seq, said)
        self.seq, self.head = seq, claimed
        unsound = check_entry(entry)
        if unsound is not None:
            yield Finding(Defect.ENTRY_UNSOUND, seq, f"entry {seq}: {unsound.message}")
        if self._seen(entry.id):
            yield Finding(Defect.ID_REUSED, seq, f"entry {seq} reuses the id {entry.id!a}")
        yield from self._period(seq, entry)
        yield from self._post(seq, entry)

    def skip(self, seq: int, claimed: str) -> None:
        """Go on behind an entry that cannot be read."""
        self.seq, self.head = seq, claimed

    def _seen(self, id_: str) -> bool:
        return self._remembers_ids and self._ids.add(id_)

    def _period(self, seq: int, entry: Entry) -> Iterator[Finding]:
        if self._closed and month_of(entry.at) in self._closed:
            said = f"entry {seq} is dated in {month_of(entry.at)}, which was closed before"
            yield Finding(Defect.DATED_IN_CLOSED, seq, said)
        if entry.kind == Kind.CLOSE.value:
            self._closed.add(closed_month(entry))

    def _post(self, seq: int, entry: Entry) -> Iterator[Finding]:
        balances = self.balances
        for account, amount in entry.postings:
            balance = balances[account] = balances.get(account, 0) + amount
            if balance < 0 and amount < 0 and has_floor(account):
                said = f"entry {seq} takes {account} to {balance} nano-euro, below zero"
                yield Finding(Defect.BELOW_FLOOR, seq, said)

    def finish(
        self, balances: Mapping[str, int] | None = None, head: str | None = None
    ) -> Iterator[Finding]:
        """Compare the end with the balances and the head that the store claims."""
        if total := sum(self.balances.values()):
            yield Finding(Defect.SUM_NOT_ZERO, 0, f"all postings sum to {total}, not to zero")
        if head is not None and head != self.head:
            said = f"the journal ends at entry {self.seq}, but the store knows a later or other end"
            yield Finding(Defect.HEAD_DIFFERS, self.seq, said)
        if balances is not None:
            yield from compare(self.balances, balances)


def compare(folded: Mapping[str, int], claimed: Mapping[str, int]) -> Iterator[Finding]:
    """Give the accounts whose claimed balance is not the fold of the journal."""
    for account in sorted(folded.keys() | claimed.keys()):
        right, said = folded.get(account, 0), claimed.get(account, 0)
        if right != said:
            message = f"{account} is kept as {said} nano-euro, its postings sum to {right}"
            yield Finding(Defect.BALANCE_DIFFERS, 0, message)


def verify(
    journal: Iterable[Sealed],
    balances: Mapping[str, int] | None = None,
    head: str | None = None,
) -> Iterator[Finding]:
    """Verify a whole journal, and what the store claims about its end; nothing found is good."""
    verifier = Verifier()
    for sealed in journal:
        yield from verifier.feed(sealed)
    yield from verifier.finish(balances, head)
