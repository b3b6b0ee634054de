"""The chain can be recomputed by anyone; the fold finds whatever was done to a journal."""

from __future__ import annotations

import hashlib
import json

import pytest

from busbar.ledger import chain, fold, settlement
from busbar.ledger.entries import Posting, Sealed
from busbar.ledger.fold import Defect

ENTRIES = (
    settlement.top_up("a", 100, 1, "k"),
    settlement.hold("u", "a", 40, 2),
    settlement.release("u", "a", 40, 3),
    settlement.hold("w", "a", 40, 4),
)
JOURNAL = chain.seal(ENTRIES)
BALANCES = fold.fold(ENTRIES)


def defects(journal: list[Sealed], head: str | None = None) -> set[tuple[Defect, int]]:
    return {(f.defect, f.seq) for f in fold.verify(journal, BALANCES, head)}


def changed(seq: int, **fields: object) -> list[Sealed]:
    journal = list(JOURNAL)
    sealed = journal[seq - 1]
    journal[seq - 1] = sealed._replace(entry=sealed.entry._replace(**fields))  # type: ignore[arg-type]
    return journal


def test_the_chain_can_be_recomputed_without_this_code() -> None:
    head = "0" * 64
    for seq, entry, claimed in JOURNAL:
        line = [entry.id, entry.kind, entry.at, entry.postings, entry.reference, entry.memo]
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        head = hashlib.sha256(f"{head}\n{seq}\n{text}".encode()).hexdigest()
        assert head == claimed


def test_an_entry_survives_its_encoding() -> None:
    entry = ENTRIES[0]._replace(memo='"€\n\\', reference="ö")
    assert chain.decode(chain.encode(entry)) == entry


def test_balances_are_the_fold_of_the_entries() -> None:
    assert BALANCES == {"external/topup": -100, "ns/a/available": 60, "ns/a/held": 40}
    assert fold.fold(ENTRIES[2:], fold.fold(ENTRIES[:2])) == BALANCES


def test_a_sound_journal_has_no_findings() -> None:
    assert defects(list(JOURNAL), JOURNAL[-1].hash) == set()


@pytest.mark.parametrize(
    "fields", [{"at": 9}, {"memo": "x"}, {"reference": "x"}, {"kind": "x"}, {"id": "x"}]
)
def test_any_changed_field_breaks_the_chain_there(fields: dict[str, object]) -> None:
    assert (Defect.CHAIN_BROKEN, 2) in defects(changed(2, **fields))


def test_moved_money_shows_in_the_balances_too() -> None:
    stolen = changed(2, postings=(Posting("ns/a/available", -39), Posting("ns/a/held", 39)))
    assert {(Defect.CHAIN_BROKEN, 2), (Defect.BALANCE_DIFFERS, 0)} <= defects(stolen)


def test_money_from_nowhere_is_found() -> None:
    printed = changed(1, postings=(Posting("external/topup", -100), Posting("ns/a/available", 999)))
    assert {(Defect.ENTRY_UNSOUND, 1), (Defect.SUM_NOT_ZERO, 0)} <= defects(printed)


def test_a_removed_entry_is_a_gap() -> None:
    assert (Defect.GAP, 3) in defects([*JOURNAL[:1], *JOURNAL[2:]])


def test_swapped_entries_are_found() -> None:
    assert defects([JOURNAL[1], JOURNAL[0], *JOURNAL[2:]]) != set()


def test_a_cut_end_is_found_by_the_head_the_store_knows() -> None:
    assert (Defect.HEAD_DIFFERS, 3) in defects(list(JOURNAL[:3]), JOURNAL[-1].hash)


def test_a_journal_rewritten_from_some_point_on_is_found_by_the_head() -> None:
    forged = list(chain.seal((ENTRIES[0], ENTRIES[3])))
    assert (Defect.HEAD_DIFFERS, 2) in defects(forged, JOURNAL[-1].hash)


def test_a_balance_below_its_floor_is_found() -> None:
    overdrawn = chain.seal((ENTRIES[0], settlement.hold("u", "a", 101, 2)))
    found = {(f.defect, f.seq) for f in fold.verify(overdrawn)}
    assert found == {(Defect.BELOW_FLOOR, 2)}


def test_a_reused_id_is_found() -> None:
    twice = chain.seal((ENTRIES[0], ENTRIES[0]))
    assert {(f.defect, f.seq) for f in fold.verify(twice)} == {(Defect.ID_REUSED, 2)}
