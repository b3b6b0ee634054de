"""What a day full of faults leaves in the journal, other people's programs read and count alike."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.documents.test_beancount import agrees

from busbar.documents.focus import rows
from busbar.ledger.entries import Kind
from busbar.ledger.usage import usage
from busbar.model.time import HOUR
from busbar.simulator.cloud import Cloud


def test_beancount_and_focus_agree_with_the_journal_of_a_day_of_faults() -> None:
    cloud = Cloud(108)
    cloud.begin()
    cloud.run(12 * HOUR)
    journal = cloud.exchange.store.journal_now()
    settled = [s for s in journal if s.entry.kind in (Kind.SETTLE, Kind.TRANSFER)]
    assert len({s.entry.kind for s in settled}) == 2
    assert len(settled) > 10
    assert agrees(journal)
    exported = list(rows(usage(journal)))
    assert [row["x_JournalSeq"] for row in exported] == [sealed.seq for sealed in settled]
    assert all(row["x_Node"] and row["RegionId"] and row["x_Offer"] for row in exported)
    balances = cloud.exchange.store.snapshot_now().balances()
    spent = -balances["external/topup"] - sum(
        amount for account, amount in balances.items() if account.startswith("ns/")
    )
    billed = [row["BilledCost"] for row in exported]
    assert sum((c for c in billed if isinstance(c, Decimal)), Decimal()) == Decimal(spent).scaleb(
        -9
    )
