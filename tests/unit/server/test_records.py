"""The public record over HTTP, and how long it is kept."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import pytest
from tests.unit.controllers.house import House
from tests.unit.server.market_world import (
    MEMBER,
    NODE,
    OPERATOR,
    STRANGER,
    VENDOR,
    Reply,
    call,
    knows,
    questions_of,
)

from busbar.apis.kubernetes.ports import Identity
from busbar.model.objects import name_of
from busbar.model.time import DAY
from busbar.model.wellknown import GROUP
from busbar.server.market.app import create_app
from busbar.server.retention import first_to_stay, let_records_go
from busbar.store.contract import Record, StoreFailed, Transaction
from busbar.store.memory import MemoryStore


@pytest.fixture
def house() -> House:
    house = House()
    house.supply()
    house.namespace()
    for number in range(3):
        house.pod(f"p{number}")
        house.settle()
    return house


def get(house: House, path: str, query: str = "", identity: Identity | None = MEMBER) -> Reply:
    app = create_app(questions_of(house), house.store, knows(identity))
    return call(app, "GET", f"/market/v1/{path}", query=query.encode())


def test_records_are_listed_from_the_latest_back(house: House) -> None:
    names = [name_of(one) for one in house.all(GROUP, "clearings")]
    found = get(house, "records").json["records"]
    assert [one["name"] for one in found] == names[::-1]
    assert all(one["bytes"] > 0 for one in found)
    page = get(house, "records", f"before={names[2]}&limit=1").json["records"]
    assert [one["name"] for one in page] == [names[1]]


def test_a_record_is_served_packed_and_as_it_was_written(house: House) -> None:
    name = name_of(house.all(GROUP, "clearings")[0])
    found = get(house, f"records/{name}")
    assert (found.status, found.kind) == (200, "application/gzip")
    assert zlib.decompress(found.body, 31) == house.store.record_now(name)


@pytest.mark.parametrize("identity", [OPERATOR, MEMBER, VENDOR])
def test_who_may_read_clearings_may_read_records(house: House, identity: Identity) -> None:
    name = get(house, "records", identity=identity).json["records"][0]["name"]
    assert get(house, f"records/{name}", identity=identity).status == 200


@pytest.mark.parametrize(("identity", "status"), [(None, 401), (STRANGER, 403), (NODE, 403)])
def test_nobody_else_may(house: House, identity: Identity | None, status: int) -> None:
    for path in ("records", "records/c-1-1"):
        found = get(house, path, identity=identity)
        assert found.status == status
        assert found.json["message"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit must be a number from 1 to 1000"),
        ("limit=1001", "limit must be a number from 1 to 1000"),
        ("after=x", "records are listed by before and limit, not by 'after'"),
    ],
)
def test_a_page_that_cannot_be_is_refused(house: House, query: str, words: str) -> None:
    found = get(house, "records", query)
    assert (found.status, found.json["message"]) == (400, words)


def test_a_record_that_is_not_there_is_said(house: House) -> None:
    found = get(house, "records/c-1-1")
    assert found.status == 404
    assert found.json["message"] == "there is no record 'c-1-1'; old ones are dropped"


def shelf(*days: int) -> MemoryStore:
    """Give a store with a record of ten bytes for each day."""
    store = MemoryStore()
    for day in days:
        record = Record(f"c-{day * DAY:013d}-{day}", b"0123456789")
        store.commit_now(Transaction(records=(record,)))
    return store


@pytest.mark.parametrize(
    ("since", "size_max", "day"),
    [(0, 1000, 0), (0, 40, 0), (7 * DAY, 1000, 7), (0, 25, 8), (10 * DAY, 1, 9)],
)
@pytest.mark.parametrize("page", [1, 3, 4, 100])
def test_records_are_kept_by_age_and_by_size(
    since: int, size_max: int, day: int, page: int
) -> None:
    oldest = asyncio.run(first_to_stay(shelf(6, 7, 8, 9), since, size_max, page))
    assert oldest == (f"c-{day * DAY:013d}-{day}" if day else "")


def test_where_there_are_no_records_none_go() -> None:
    assert asyncio.run(first_to_stay(MemoryStore(), 0, 1)) == ""


def test_old_records_go_while_the_cloud_runs() -> None:
    store = shelf(*range(1, 11))
    rounds = iter([None, None])

    async def sleep(_: float) -> Any:
        if next(rounds, 1) is not None:
            await store.close()
            raise StoreFailed

    with pytest.raises(StoreFailed):
        asyncio.run(let_records_go(store, lambda: 10 * DAY, 7, 1, sleep=sleep))
    left = asyncio.run(store.records())
    assert [int(one.name.split("-")[2]) for one in left] == [10, 9, 8, 7, 6, 5, 4, 3]
