"""Money in transactions: floors, sums, idempotency, the chain."""

from __future__ import annotations

import asyncio

from busbar.ledger import fold, periods, settlement
from busbar.ledger.entries import Entry, Posting
from busbar.model.objects import Key
from busbar.store.contract import Committed, Put, Refused, Store, Transaction, Why

HOUR = 3_600_000


async def book(store: Store, *entries: Entry) -> Committed | Refused:
    return await store.commit(Transaction((), entries))


async def why(store: Store, *entries: Entry) -> Why:
    refused = await book(store, *entries)
    assert isinstance(refused, Refused)
    return refused.why


async def test_entries_move_money_and_form_a_chain(store: Store) -> None:
    settled = settlement.settle("u", "a", "v", 0, HOUR, 10**7, 10**6, 5, HOUR).entry
    assert settled is not None
    entries = (settlement.top_up("a", 10**9, 1, "k"), settlement.hold("u", "a", 10**8, 2), settled)
    for entry in entries:
        assert isinstance(await book(store, entry), Committed)
    journal = await store.journal()
    snapshot = await store.snapshot()
    assert [sealed.seq for sealed in journal] == [1, 2, 3]
    assert tuple(sealed.entry for sealed in journal) == entries
    assert snapshot.balances() == fold.fold(entries)
    assert list(fold.verify(journal, snapshot.balances())) == []


async def test_the_journal_is_read_in_parts(store: Store) -> None:
    for n in range(5):
        await book(store, settlement.top_up("a", 1, n, str(n)))
    assert [sealed.seq for sealed in await store.journal(1, 2)] == [2, 3]
    assert [sealed.seq for sealed in await store.journal(3)] == [4, 5]
    assert await store.journal(5) == ()


async def test_an_unbalanced_entry_is_refused(store: Store) -> None:
    crooked = Entry("x", "topup", 1, (Posting("external/topup", -1), Posting("vendor/v", 2)))
    assert await why(store, crooked) is Why.UNBALANCED
    assert await why(store, crooked._replace(postings=())) is Why.UNBALANCED


async def test_an_unreadable_entry_is_refused(store: Store) -> None:
    assert await why(store, settlement.top_up("a", 1, 1, "\ud800")) is Why.MALFORMED
    assert await why(store, settlement.top_up("a", 10**19, 1, "k")) is Why.TOO_LARGE


async def test_no_account_grows_beyond_what_can_be_counted(store: Store) -> None:
    most = [settlement.top_up("a", 10**18, 1, str(n)) for n in range(4)]
    assert isinstance(await book(store, *most), Committed)
    assert await why(store, settlement.top_up("b", 1, 1, "k")) is Why.TOO_LARGE


async def test_nobody_spends_more_than_is_there(store: Store) -> None:
    await book(store, settlement.top_up("a", 10, 1, "k"))
    refused = await book(store, settlement.hold("u", "a", 11, 1))
    assert isinstance(refused, Refused)
    assert (refused.why, refused.account) == (Why.INSUFFICIENT_FUNDS, "ns/a/available")
    assert await why(store, settlement.release("u", "a", 1, 1)) is Why.INSUFFICIENT_FUNDS
    assert await why(store, settlement.payout("v", 1, 1, "k")) is Why.INSUFFICIENT_FUNDS


async def test_entries_of_a_transaction_take_effect_in_order(store: Store) -> None:
    top_up, hold = settlement.top_up("a", 10, 1, "k"), settlement.hold("u", "a", 10, 1)
    assert await why(store, hold, top_up) is Why.INSUFFICIENT_FUNDS
    assert isinstance(await book(store, top_up, hold), Committed)


async def test_concurrent_holds_do_not_overrun_the_balance_together(store: Store) -> None:
    await book(store, settlement.top_up("a", 10, 1, "k"))
    holds = [settlement.hold(f"u{n}", "a", 3, 1) for n in range(10)]
    outcomes = await asyncio.gather(*(book(store, hold) for hold in holds))
    assert sum(isinstance(done, Committed) for done in outcomes) == 3
    assert (await store.snapshot()).balance("ns/a/available") == 1


async def test_the_same_entry_again_has_no_effect(store: Store) -> None:
    entry = settlement.top_up("a", 10, 1, "k")
    assert await book(store, entry) == await book(store, entry)
    assert isinstance(await book(store, entry, entry), Committed)
    retried_later = settlement.top_up("a", 10, 999, "k")
    assert isinstance(await book(store, retried_later), Committed)
    assert len(await store.journal()) == 1
    assert (await store.snapshot()).balance("ns/a/available") == 10


async def test_the_objects_of_a_repeated_entry_still_change(store: Store) -> None:
    entry, key = settlement.top_up("a", 10, 1, "k"), Key("", "pods", "a", "p")
    await book(store, entry)
    await store.commit(Transaction((Put(key, {"metadata": {"name": "p"}}),), (entry,)))
    assert await store.get(key) is not None


async def test_an_idempotency_key_is_not_reused_for_something_else(store: Store) -> None:
    await book(store, settlement.top_up("a", 10, 1, "k"))
    assert await why(store, settlement.top_up("a", 11, 1, "k")) is Why.IDEMPOTENCY
    both = settlement.top_up("b", 1, 1, "k"), settlement.top_up("b", 2, 1, "k")
    assert await why(store, *both) is Why.IDEMPOTENCY
    assert (await store.snapshot()).balances() == {"external/topup": -10, "ns/a/available": 10}


async def test_the_same_entry_tried_at_once_counts_once(store: Store) -> None:
    entry = settlement.top_up("a", 10, 1, "k")
    outcomes = await asyncio.gather(*(book(store, entry) for _ in range(10)))
    assert all(isinstance(done, Committed) for done in outcomes)
    assert (await store.snapshot()).balance("ns/a/available") == 10


async def test_many_at_once_know_what_is_booked_and_each_other(store: Store) -> None:
    await book(store, settlement.top_up("a", 10, 1, "kept"))
    entries = [
        settlement.top_up("a", 10, 1, "kept"),
        settlement.top_up("a", 11, 1, "kept"),
        settlement.top_up("a", 5, 1, "new"),
        settlement.top_up("a", 5, 1, "new"),
        settlement.top_up("a", 6, 1, "new"),
        settlement.top_up("a", 7, 1, "ne\u00fc\0"),
    ]
    results = await asyncio.gather(*store.submit([Transaction((), (e,)) for e in entries]))
    refused = [r.why if isinstance(r, Refused) else None for r in results]
    assert refused == [None, Why.IDEMPOTENCY, None, None, Why.IDEMPOTENCY, None]
    assert (await store.snapshot()).balance("ns/a/available") == 10 + 5 + 7
    assert len(await store.journal()) == 3


async def test_objects_and_money_commit_together(store: Store) -> None:
    key = Key("", "pods", "a", "p")
    money = settlement.top_up("a", 10, 1, "k")
    done = await store.commit(Transaction((Put(key, {"metadata": {"name": "p"}}),), (money,)))
    assert isinstance(done, Committed)
    assert await store.get(key) is not None
    assert len(await store.journal()) == 1


async def test_a_closed_month_takes_no_entries_dated_in_it(store: Store) -> None:
    november, december = settlement.top_up("a", 1, 1, "k"), 31 * 24 * HOUR
    await book(store, november)
    assert isinstance(await book(store, periods.close("1970-01", december)), Committed)
    late = settlement.top_up("a", 1, 2, "late")
    assert await why(store, late) is Why.PERIOD_CLOSED
    assert await why(store, late._replace(at=december), late._replace(id="x")) is Why.PERIOD_CLOSED
    # What was entered before is still a retry, and later months are open.
    assert isinstance(await book(store, november), Committed)
    assert isinstance(await book(store, late._replace(at=december)), Committed)
    assert len(await store.journal()) == 3


async def test_a_closing_counts_within_its_own_transaction(store: Store) -> None:
    closing, late = periods.close("1970-01", 31 * 24 * HOUR), settlement.top_up("a", 1, 2, "late")
    assert await why(store, closing, late) is Why.PERIOD_CLOSED
    assert isinstance(await book(store, late, closing), Committed)


async def test_entries_are_found_by_how_their_ids_begin(store: Store) -> None:
    for namespace in ("a", "ab", "b", "aä"):
        await book(store, settlement.top_up(namespace, 1, 1, "k"))
    found = await store.find_entries("topup/a")
    assert [sealed.seq for sealed in found] == [1, 2, 4]
    assert [sealed.seq for sealed in await store.find_entries("topup/a/")] == [1]
    assert await store.find_entries("topup/c") == ()
