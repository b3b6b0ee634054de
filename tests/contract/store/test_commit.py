"""Transactions: all or nothing, preconditions, revisions."""

from __future__ import annotations

import asyncio

import pytest

from busbar.ledger import settlement
from busbar.model.objects import Key, Object
from busbar.store.contract import (
    ABSENT,
    ANY,
    EXISTS,
    Committed,
    Delete,
    Put,
    Refused,
    Require,
    Store,
    Transaction,
    Why,
)


def key(name: str = "p", namespace: str = "a", resource: str = "pods") -> Key:
    return Key("", resource, namespace, name)


def pod(name: str = "p", **spec: object) -> Object:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "a"}, "spec": spec}


async def put(store: Store, name: str = "p", expect: int = ANY, **spec: object) -> Committed:
    done = await store.commit(Transaction((Put(key(name), pod(name, **spec), expect),)))
    assert isinstance(done, Committed)
    return done


async def why(store: Store, *ops: Put | Delete | Require) -> Why:
    refused = await store.commit(Transaction(ops))
    assert isinstance(refused, Refused)
    assert refused.message
    assert "\n" not in refused.message
    return refused.why


async def test_a_put_object_can_be_read_with_its_revision(store: Store) -> None:
    done = await put(store, x=1)
    found = await store.get(key())
    assert found == done.objects[0]
    assert found["spec"] == {"x": 1}
    assert found["metadata"]["resourceVersion"] == str(done.revision)
    assert done.revision == await store.revision() > 0


async def test_the_object_handed_in_is_not_changed(store: Store) -> None:
    mine = pod()
    await store.commit(Transaction((Put(key(), mine),)))
    assert mine == pod()


async def test_each_transaction_that_changes_objects_has_a_larger_revision(store: Store) -> None:
    revisions = [(await put(store, f"p{n}")).revision for n in range(5)]
    deleted = await store.commit(Transaction((Delete(key("p0")),)))
    assert isinstance(deleted, Committed)
    revisions.append(deleted.revision)
    assert revisions == sorted(set(revisions))


async def test_all_objects_of_a_transaction_share_its_revision(store: Store) -> None:
    done = await store.commit(Transaction((Put(key("a"), pod("a")), Put(key("b"), pod("b")))))
    assert isinstance(done, Committed)
    assert [obj["metadata"]["name"] for obj in done.objects] == ["a", "b"]
    assert {obj["metadata"]["resourceVersion"] for obj in done.objects} == {str(done.revision)}


async def test_money_alone_and_nothing_at_all_keep_the_revision(store: Store) -> None:
    before = (await put(store)).revision
    money = await store.commit(Transaction((), (settlement.top_up("a", 5, 1, "k"),)))
    nothing = await store.commit(Transaction((Require(key(), EXISTS),)))
    absent = await store.commit(Transaction((Delete(key("none")),)))
    assert money == nothing == absent == Committed(before, ())
    assert await store.revision() == before


async def test_create_is_refused_where_the_object_exists(store: Store) -> None:
    await put(store, expect=ABSENT)
    assert await why(store, Put(key(), pod(), ABSENT)) is Why.ALREADY_EXISTS


async def test_replace_is_refused_at_another_revision(store: Store) -> None:
    first = (await put(store)).revision
    await put(store, expect=first)
    assert await why(store, Put(key(), pod(), first)) is Why.CONFLICT
    assert await why(store, Delete(key(), first)) is Why.CONFLICT
    assert await why(store, Require(key(), first)) is Why.CONFLICT


async def test_what_must_exist_is_missed(store: Store) -> None:
    assert await why(store, Put(key(), pod(), EXISTS)) is Why.NOT_FOUND
    assert await why(store, Put(key(), pod(), 7)) is Why.NOT_FOUND
    assert await why(store, Delete(key(), EXISTS)) is Why.NOT_FOUND
    assert await why(store, Require(key(), EXISTS)) is Why.NOT_FOUND


async def test_requiring_absence_is_refused_where_the_object_exists(store: Store) -> None:
    await put(store)
    assert await why(store, Require(key(), ABSENT)) is Why.ALREADY_EXISTS


async def test_a_refusal_names_the_key(store: Store) -> None:
    refused = await store.commit(Transaction((Delete(key("gone"), EXISTS),)))
    assert isinstance(refused, Refused)
    assert refused.key == key("gone")
    assert "gone" in refused.message


@pytest.mark.parametrize(
    "spoiler",
    [
        Transaction((Require(key("none"), EXISTS),)),
        Transaction((), (settlement.hold("u", "a", 1, 1),)),
    ],
    ids=["by an object", "by money"],
)
async def test_a_refused_transaction_changes_nothing(store: Store, spoiler: Transaction) -> None:
    await put(store, "stays")
    before = await store.revision()
    good = Transaction(
        (Put(key("new"), pod("new")), Delete(key("stays"))), (settlement.top_up("b", 5, 1, "k"),)
    )
    assert isinstance(await store.commit(good + spoiler), Refused)
    assert await store.get(key("new")) is None
    assert await store.get(key("stays")) is not None
    assert await store.revision() == before
    assert (await store.snapshot()).balances() == {}
    assert await store.journal() == ()


async def test_preconditions_see_the_state_before_the_transaction(store: Store) -> None:
    done = await store.commit(Transaction((Put(key(), pod()), Require(key(), ABSENT))))
    assert isinstance(done, Committed)


async def test_a_key_is_changed_once_per_transaction(store: Store) -> None:
    assert await why(store, Put(key(), pod()), Put(key(), pod())) is Why.MALFORMED
    await put(store)
    assert await why(store, Put(key(), pod()), Delete(key())) is Why.MALFORMED


@pytest.mark.parametrize("thing", [object(), {1: 2}, 2**70, b"x", "\ud800"])
async def test_what_is_not_json_is_refused(store: Store, thing: object) -> None:
    assert await why(store, Put(key(), pod(x=thing))) is Why.MALFORMED
    assert await why(store, Put(key(), {"kind": "Pod"})) is Why.MALFORMED


async def test_a_huge_object_is_refused(store: Store) -> None:
    assert await why(store, Put(key(), pod(x="x" * 9_000_000))) is Why.TOO_LARGE


async def test_compare_and_set_has_one_winner(store: Store) -> None:
    start = (await put(store)).revision
    tries = [Transaction((Put(key(), pod(who=n), start),)) for n in range(20)]
    outcomes = await asyncio.gather(*(store.commit(one) for one in tries))
    winners = [n for n, done in enumerate(outcomes) if isinstance(done, Committed)]
    found = await store.get(key())
    assert found is not None
    assert len(winners) == 1
    assert found["spec"]["who"] == winners[0]


async def test_create_has_one_winner(store: Store) -> None:
    tries = [Transaction((Put(key(), pod(who=n), ABSENT),)) for n in range(20)]
    outcomes = await asyncio.gather(*(store.commit(one) for one in tries))
    assert sum(isinstance(done, Committed) for done in outcomes) == 1


async def test_a_commit_whose_caller_was_cancelled_is_whole_or_not_there(store: Store) -> None:
    both = Transaction((Put(key("a"), pod("a")), Put(key("b"), pod("b"))))
    task = asyncio.create_task(store.commit(both))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await put(store, "after")
    assert (await store.get(key("a")) is None) == (await store.get(key("b")) is None)


async def test_what_is_submitted_is_judged_in_turn_and_durable_once_awaited(store: Store) -> None:
    create = Transaction((Put(key("a"), pod("a"), ABSENT),))
    other = Transaction((Put(key("b"), pod("b"), ABSENT), Require(key("a"), EXISTS)))
    won, lost, rests = await asyncio.gather(*store.submit((create, create, other)))
    assert isinstance(won, Committed)
    assert isinstance(lost, Refused)
    assert lost.why is Why.ALREADY_EXISTS
    assert isinstance(rests, Committed)
    assert rests.revision > won.revision
    assert await store.get(key("b")) is not None
