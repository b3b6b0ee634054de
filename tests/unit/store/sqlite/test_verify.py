"""The audit of the ledger, beside a running store and without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from busbar.ledger import settlement
from busbar.ledger.fold import Defect
from busbar.store.contract import CannotOpen, Transaction
from busbar.store.sqlite import verify


async def booked(bench: Any, count: int = 5) -> Any:
    store = bench.open()
    for n in range(count):
        await store.commit(Transaction((), (settlement.top_up("a", 10 + n, n, str(n)),)))
    return store


async def test_a_sound_ledger_has_no_findings_while_the_store_runs(bench: Any) -> None:
    store = await booked(bench)
    assert list(verify(bench.path)) == []
    await store.close()
    assert list(verify(bench.path)) == []
    assert list(verify(bench.database)) == []


async def test_an_empty_ledger_has_no_findings(bench: Any) -> None:
    await bench.open().close()
    assert list(verify(bench.path)) == []


def test_a_directory_without_a_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match=str(tmp_path)):
        list(verify(tmp_path))


TAMPERING = {
    "an amount": (
        "UPDATE journal SET entry = CAST(replace(entry, '12', '99') AS BLOB) WHERE seq = 3",
        {(Defect.CHAIN_BROKEN, 3), (Defect.BALANCE_DIFFERS, 0)},
    ),
    "one side only": (
        "UPDATE journal SET entry = CAST(replace(entry, '-12', '-99') AS BLOB) WHERE seq = 3",
        {(Defect.CHAIN_BROKEN, 3), (Defect.ENTRY_UNSOUND, 3), (Defect.SUM_NOT_ZERO, 0)},
    ),
    "a removed entry": (
        "DELETE FROM journal WHERE seq = 3",
        {(Defect.GAP, 4), (Defect.BALANCE_DIFFERS, 0)},
    ),
    "a removed end": (
        "DELETE FROM journal WHERE seq = 5",
        {(Defect.HEAD_DIFFERS, 4), (Defect.BALANCE_DIFFERS, 0)},
    ),
    "a balance": (
        "UPDATE balances SET amount = 1000 WHERE account = 'ns/a/available'",
        {(Defect.UNREADABLE, 0)},
    ),
    "a lost balance": ("DELETE FROM balances", {(Defect.BALANCE_DIFFERS, 0)}),
    "an unreadable entry": (
        "UPDATE journal SET entry = x'00' WHERE seq = 3",
        {(Defect.UNREADABLE, 3), (Defect.BALANCE_DIFFERS, 0)},
    ),
    "an id": ("UPDATE journal SET id = 'other' WHERE seq = 3", {(Defect.ID_REUSED, 3)}),
    "a hash": (
        "UPDATE journal SET hash = replace(hash, substr(hash, 1, 1), 'g') WHERE seq = 3",
        {(Defect.CHAIN_BROKEN, 3), (Defect.CHAIN_BROKEN, 4)},
    ),
}


@pytest.mark.parametrize("tampering", TAMPERING)
async def test_tampering_is_found_where_it_was_done(bench: Any, tampering: str) -> None:
    await (await booked(bench)).close()
    statement, expected = TAMPERING[tampering]
    bench.edit(statement)
    findings = list(verify(bench.path))
    assert expected <= {(finding.defect, finding.seq) for finding in findings}
    assert all("\n" not in finding.message for finding in findings)
