"""Records: bytes that come with a transaction, are read by name, and go from the oldest on."""

from __future__ import annotations

from typing import Any

from busbar.ledger import settlement
from busbar.model.objects import Key
from busbar.store.contract import (
    ABSENT,
    Committed,
    Put,
    Record,
    Refused,
    Store,
    Transaction,
    Why,
)
from busbar.store.packing import unpack

KEY = Key("", "pods", "a", "p")
POD = {"metadata": {"name": "p", "namespace": "a"}}


async def write(store: Store, *names: str, body: bytes = b"body") -> Committed | Refused:
    records = tuple(Record(name, body + name.encode()) for name in names)
    return await store.commit(Transaction(records=records))


async def read(store: Store, name: str) -> bytes | None:
    packed = await store.record(name)
    return None if packed is None else unpack(packed)


async def names(store: Store, before: str = "", limit: int = 0) -> list[str]:
    return [record.name for record in await store.records(before, limit)]


async def test_a_record_is_given_as_it_came(store: Store) -> None:
    body = bytes(range(256)) * 1000
    assert isinstance(await write(store, "c-1", body=body), Committed)
    assert await read(store, "c-1") == body + b"c-1"
    assert await store.record("c-2") is None


async def test_records_are_listed_from_the_latest_back(store: Store) -> None:
    for name in ("b", "a", "c", "d"):
        await write(store, name)
    assert await names(store) == ["d", "c", "a", "b"]
    assert await names(store, limit=2) == ["d", "c"]
    assert await names(store, "c", 1) == ["a"]
    assert await names(store, "b") == []
    assert await names(store, "unknown") == []


async def test_a_list_says_what_a_record_takes(store: Store) -> None:
    await write(store, "a")
    (found,) = await store.records()
    assert 0 < found.size < 100


async def test_records_come_with_their_transaction_or_not_at_all(store: Store) -> None:
    put = Put(KEY, POD, ABSENT)
    first = Transaction((put,), (settlement.top_up("a", 5, 1, "k"),), (Record("one", b"1"),))
    again = Transaction((put,), (settlement.top_up("a", 5, 2, "l"),), (Record("two", b"2"),))
    assert isinstance(await store.commit(first), Committed)
    assert isinstance(await store.commit(again), Refused)
    assert await names(store) == ["one"]


async def test_a_refused_record_refuses_all_of_its_transaction(store: Store) -> None:
    await write(store, "one")
    again = Transaction((Put(KEY, POD),), (), (Record("one", b"other"),))
    refused = await store.commit(again)
    assert isinstance(refused, Refused)
    assert refused.why is Why.ALREADY_EXISTS
    assert refused.message == "there is a record one already"
    assert await store.get(KEY) is None
    assert await read(store, "one") == b"bodyone"


async def test_a_name_is_used_once_in_a_transaction_too(store: Store) -> None:
    refused = await write(store, "one", "one")
    assert isinstance(refused, Refused)
    assert refused.why is Why.ALREADY_EXISTS
    assert await names(store) == []


async def test_a_name_is_short_and_plain(store: Store) -> None:
    for name in ("", "x" * 254, "größe"):
        refused = await write(store, name)
        assert isinstance(refused, Refused)
        assert refused.why is Why.MALFORMED


async def test_a_record_alone_takes_no_revision(store: Store) -> None:
    before = await store.revision()
    await write(store, "one")
    assert await store.revision() == before


async def test_the_oldest_are_dropped(store: Store) -> None:
    for number in range(200):
        await write(store, f"r{number}")
    await store.drop_records("r190")
    assert await names(store) == [f"r{number}" for number in range(199, 189, -1)]
    assert await store.record("r189") is None
    await store.drop_records("unknown")
    assert len(await names(store)) == 10


async def test_transactions_are_joined_with_their_records() -> None:
    one, two = (Transaction(records=(Record(name, b""),)) for name in "ab")
    assert (one + two).records == (Record("a", b""), Record("b", b""))
    assert not one.is_empty()


async def test_records_outlive_a_restart(durable: Any) -> None:
    store = durable.open()
    await write(store, "one", "two")
    store = await durable.reopen(store)
    assert await names(store) == ["two", "one"]
    assert await read(store, "two") == b"bodytwo"
    refused = await write(store, "one")
    assert isinstance(refused, Refused)
