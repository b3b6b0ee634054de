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
    kinds = (Kind.SETTLE, Kind.TRANSFER, Kind.WITHDRAW, Kind.SLASH)
    charged = [s for s in journal if s.entry.kind in kinds]
    assert len(charged) > 10
    assert {s.entry.kind for s in charged} == set(kinds)
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
