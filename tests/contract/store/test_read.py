"""Reading: lists in pages, at older revisions; snapshots that never change."""

from __future__ import annotations

import pytest

from busbar.ledger import settlement
from busbar.model.objects import Key, Object, name_of, namespace_of
from busbar.store.contract import Compacted, Delete, Page, Put, Store, Transaction

Names = list[tuple[str, str]]


def key(name: str, namespace: str = "a") -> Key:
    return Key("", "pods", namespace, name)


def pod(name: str, namespace: str = "a", **spec: object) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


async def fill(store: Store, *names: str) -> int:
    for name in names:
        namespace, _, bare = name.rpartition("/")
        await store.commit(Transaction((Put(key(bare, namespace), pod(bare, namespace)),)))
    return await store.revision()


def names(page: Page) -> list[str]:
    return [f"{namespace_of(obj)}/{name_of(obj)}" for obj in page.items]


async def test_a_list_is_ordered_by_namespace_then_name(store: Store) -> None:
    revision = await fill(store, "b/a", "a/b", "a-b/x", "a/a", "a/a-1", "a/a.1")
    page = await store.list("", "pods")
    assert names(page) == ["a/a", "a/a-1", "a/a.1", "a/b", "a-b/x", "b/a"]
    assert (page.revision, page.next_key, page.remaining) == (revision, None, 0)


async def test_a_list_shows_one_namespace_and_one_collection(store: Store) -> None:
    await fill(store, "a/x", "a-b/x", "b/x")
    await store.commit(Transaction((Put(Key("", "nodes", "", "n"), pod("n", "")),)))
    assert names(await store.list("", "pods", "a")) == ["a/x"]
    assert names(await store.list("", "nodes")) == ["/n"]
    assert names(await store.list("", "nodes", "")) == ["/n"]
    assert names(await store.list("batch", "pods")) == []


async def test_pages_go_on_where_the_last_ended(store: Store) -> None:
    await fill(store, *(f"a/p{n}" for n in range(7)))
    seen: list[str] = []
    page = await store.list("", "pods", limit=3)
    while True:
        seen += names(page)
        assert page.remaining == 7 - len(seen)
        if page.next_key is None:
            break
        page = await store.list("", "pods", limit=3, start=page.next_key, at=page.revision)
    assert seen == [f"a/p{n}" for n in range(7)]


async def test_a_paged_list_shows_one_revision_while_writes_go_on(store: Store) -> None:
    await fill(store, "a/b", "a/c", "a/d", "a/e")
    first = await store.list("", "pods", limit=1)
    await fill(store, "a/a", "a/cc", "a/f")
    await store.commit(Transaction((Delete(key("d")), Put(key("e"), pod("e", changed=True)))))
    rest = await store.list("", "pods", start=first.next_key, at=first.revision)
    assert names(first) + names(rest) == ["a/b", "a/c", "a/d", "a/e"]
    assert rest.revision == first.revision
    assert rest.items[-1]["spec"] == {}


async def test_an_older_revision_can_be_listed_without_a_page_under_way(store: Store) -> None:
    before = await fill(store, "a/a", "a/b")
    await store.commit(Transaction((Delete(key("a")), Put(key("b"), pod("b", x=1)))))
    await fill(store, "a/c", "a/b", "a/a")
    old = await store.list("", "pods", at=before)
    assert names(old) == ["a/a", "a/b"]
    assert [obj["metadata"]["resourceVersion"] for obj in old.items] == [
        str(before - 1),
        str(before),
    ]


async def test_a_filter_counts_before_the_limit(store: Store) -> None:
    await fill(store, *(f"a/p{n}" for n in range(6)))

    def odd(obj: Object) -> bool:
        return int(name_of(obj)[1:]) % 2 == 1

    page = await store.list("", "pods", limit=2, where=odd)
    assert names(page) == ["a/p1", "a/p3"]
    assert page.next_key is not None
    rest = await store.list("", "pods", limit=2, where=odd, start=page.next_key)
    assert names(rest) == ["a/p5"]
    assert rest.next_key is None
    assert names(await store.list("", "pods", where=odd)) == ["a/p1", "a/p3", "a/p5"]


async def test_a_compacted_revision_is_not_listed(store: Store) -> None:
    old = await fill(store, "a/a")
    now = await fill(store, "a/b", "a/c")
    page = await store.list("", "pods", limit=1)
    await fill(store, "a/d")
    await store.compact(now + 1)
    for gone in (old, page.revision):
        with pytest.raises(Compacted):
            await store.list("", "pods", at=gone)
    assert len((await store.list("", "pods", at=now + 1)).items) == 4


async def test_a_revision_never_given_out_is_not_listed(store: Store) -> None:
    now = await fill(store, "a/a")
    with pytest.raises(Compacted):
        await store.list("", "pods", at=now + 1)


async def test_a_snapshot_never_changes(store: Store) -> None:
    revision = await fill(store, "a/a", "b/b")
    await store.commit(Transaction((), (settlement.top_up("a", 5, 1, "1"),)))
    snapshot = await store.snapshot()
    await store.commit(
        Transaction(
            (Delete(key("a")), Put(key("c"), pod("c"))), (settlement.top_up("a", 5, 1, "2"),)
        )
    )
    assert snapshot.revision == revision
    assert [name_of(obj) for obj in snapshot.list("", "pods")] == ["a", "b"]
    assert [name_of(obj) for obj in snapshot.list("", "pods", "b")] == ["b"]
    assert snapshot.get(key("a")) is not None
    assert snapshot.get(key("c")) is None
    assert snapshot.balance("ns/a/available") == 5
    assert (await store.snapshot()).balance("ns/a/available") == 10


async def test_a_snapshot_shows_objects_and_money_of_the_same_moment(store: Store) -> None:
    for n in range(10):
        money = settlement.top_up("a", 1, n, str(n))
        await store.commit(Transaction((Put(key(f"p{n}"), pod(f"p{n}")),), (money,)))
        snapshot = await store.snapshot()
        assert snapshot.balance("ns/a/available") == len(list(snapshot.list("", "pods"))) == n + 1


async def test_an_account_never_posted_to_is_zero(store: Store) -> None:
    snapshot = await store.snapshot()
    assert snapshot.balance("ns/none/available") == 0
    assert dict(snapshot.balances()) == {}


async def test_a_snapshot_says_what_changed_since_another(store: Store) -> None:
    await fill(store, *(f"a/p{n}" for n in range(300)))
    before = await store.snapshot()
    await store.commit(Transaction((Delete(key("p7")), Put(key("p8"), pod("p8", node="n")))))
    await fill(store, "b/new")
    after = await store.snapshot()
    found = {
        (old and name_of(old), new and name_of(new))
        for old, new in after.changes(before, "", "pods")
    }
    assert found == {("p7", None), ("p8", "p8"), (None, "new")}
    assert len(list(after.changes(None, "", "pods"))) == 300
    assert list(after.changes(after, "", "pods")) == []
    assert list(after.changes(before, "", "nodes")) == []
