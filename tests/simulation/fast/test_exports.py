"""What a day full of faults leaves in the journal, other people's programs read and count alike."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.documents.test_beancount import agrees

from busbar.documents.focus import rows
from busbar.ledger.entries import Kind
from busbar.ledger.usage import usage
from busbar.model.time import HOUR
from busbar.simulator.cloud import Cloud

KINDS = {Kind.SETTLE, Kind.TRANSFER, Kind.WITHDRAW, Kind.SLASH}
LIVES_MAX = 12


def test_beancount_and_focus_agree_with_the_journal_of_days_of_faults() -> None:
    seen: set[Kind] = set()
    for seed in range(108, 108 + LIVES_MAX):
        seen |= lived_and_agreed(seed)
        if seen == KINDS:
            return
    raise AssertionError(f"no life had {KINDS - seen}")


def lived_and_agreed(seed: int) -> set[Kind]:
    """Live for half a day, compare the exports with the journal, and give what was charged."""
    cloud = Cloud(seed)
    cloud.begin()
    cloud.run(12 * HOUR)
    journal = cloud.exchange.store.journal_now()
    charged = [s for s in journal if s.entry.kind in KINDS]
    assert charged
    assert agrees(journal)
    exported = list(rows(usage(journal)))
    assert [row["x_JournalSeq"] for row in exported] == [sealed.seq for sealed in charged]
    settled = [row for row in exported if row["ChargeCategory"] == "Usage"]
    assert all(row["x_Node"] and row["RegionId"] and row["x_Offer"] for row in settled)
    balances = cloud.exchange.store.snapshot_now().balances()
    put_down = sum(-s.entry.postings[0].amount for s in journal if s.entry.kind == Kind.DEPOSIT)
    spent = (
        -balances["external/topup"]
        - put_down
        - sum(amount for account, amount in balances.items() if account.startswith("ns/"))
    )
    billed = [row["BilledCost"] for row in exported]
    assert sum((c for c in billed if isinstance(c, Decimal)), Decimal()) == Decimal(spent).scaleb(
        -9
    )
    return {sealed.entry.kind for sealed in charged}
