"""What each engine journals, Beancount reads and counts alike."""

from __future__ import annotations

from tests.unit.documents.journals import everything
from tests.unit.documents.test_beancount import agrees

from busbar.ledger.fold import fold
from busbar.store.contract import Committed, Store, Transaction


async def test_the_journal_of_a_store_is_exported_to_the_nano_euro(store: Store) -> None:
    for sealed in everything():
        assert isinstance(await store.commit(Transaction((), (sealed.entry,))), Committed)
    journal = await store.journal()
    assert [(s.seq, s.hash) for s in journal] == [(s.seq, s.hash) for s in everything()]
    assert (await store.snapshot()).balances() == fold(sealed.entry for sealed in journal)
    assert agrees(journal)
