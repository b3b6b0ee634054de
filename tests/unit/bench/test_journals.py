"""The generated journal is one that the store's own verification reads, and finds fault with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bench.journals import market_entries, write_journal

from busbar.ledger.fold import Defect
from busbar.store.sqlite import verify


def test_it_has_as_many_postings_as_were_asked_for() -> None:
    postings = sum(len(entry.postings) for entry in market_entries(10_000, seed=1))
    assert 10_000 <= postings <= 10_030


def test_a_generated_journal_verifies_and_a_changed_one_does_not(tmp_path: Path) -> None:
    count = write_journal(tmp_path, 10_000)
    assert list(verify(tmp_path)) == []
    connection = sqlite3.connect(tmp_path / "busbar.db")
    changed = "CAST(replace(entry, 'team-', 'tean-') AS BLOB)"
    connection.execute(f"UPDATE journal SET entry = {changed} WHERE seq = ?", (count - 1,))
    connection.commit()
    connection.close()
    found = {(finding.defect, finding.seq) for finding in verify(tmp_path)}
    assert (Defect.CHAIN_BROKEN, count - 1) in found
