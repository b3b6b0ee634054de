"""What Pods move is counted by contract, and what buckets hold is written on them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from busbar.apis.s3.app import create_app
from busbar.apis.s3.memory import MemoryCredentials, MemoryDirectory
from busbar.apis.s3.storage.records import Content
from busbar.apis.s3.storage.store import Place as At
from busbar.controllers.parts.writes import create, new_object
from busbar.market.luggage import Place
from busbar.model.objects import Key, Object, status_of
from busbar.model.wellknown import ANN_CONTRACT, CSI_BUCKET, GROUP
from busbar.server.census import summarised
from busbar.server.meter import Meter
from busbar.server.podkeys import BucketPod, read_bucket_pod
from busbar.store.contract import Put, Transaction
from busbar.store.memory import MemoryStore

CONTRACT = Key(GROUP, "contracts", "xyz", "c")
POD = BucketPod("u1", "xyz", "n1", frozenset({"data"}), "c")


def store_with(spec: dict[str, Any], phase: str = "Running") -> MemoryStore:
    store = MemoryStore()
    made = {**new_object(CONTRACT, "u", 1), "spec": spec, "status": {"phase": phase}}
    store.commit_now(Transaction((create(made),)))
    return store


def counts(store: MemoryStore) -> dict[str, int]:
    found = store.snapshot_now().get(CONTRACT)
    assert found is not None
    status: dict[str, int] = status_of(found).get("transfer") or {}
    return status


def meter(store: MemoryStore) -> Meter:
    return Meter(store, {"u1": POD}.get)


def test_what_a_pod_moved_is_added_to_its_contract() -> None:
    store = store_with({"transfer": {"readNano": 1}})
    counter = meter(store)
    counter.moved("POD-u1", 5, 0)
    counter.moved("POD-u1", 7, 3)
    asyncio.run(counter.write())
    counter.moved("POD-u1", 1, 0)
    asyncio.run(counter.write())
    assert counts(store) == {"readBytes": 13, "writtenBytes": 3}


@pytest.mark.parametrize("key", ["AKID", "POD-unknown"])
def test_other_keys_are_not_counted(key: str) -> None:
    store = store_with({"transfer": {"readNano": 1}})
    counter = meter(store)
    counter.moved(key, 5, 5)
    asyncio.run(counter.write())
    assert counts(store) == {}


@pytest.mark.parametrize(
    ("spec", "phase"), [({}, "Running"), ({"transfer": {"readNano": 1}}, "Closed")]
)
def test_where_nothing_is_billed_nothing_is_written(spec: dict[str, Any], phase: str) -> None:
    store = store_with(spec, phase)
    before = store.snapshot_now().revision
    counter = meter(store)
    counter.moved("POD-u1", 5, 5)
    asyncio.run(counter.write())
    assert store.snapshot_now().revision == before


def test_what_could_not_be_written_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with({"transfer": {"readNano": 1}})
    counter = meter(store)
    counter.moved("POD-u1", 5, 0)
    commit = store.commit

    async def overtaken(transaction: Transaction) -> Any:
        """Somebody else writes the contract between reading and writing it."""
        found = store.snapshot_now().get(CONTRACT)
        assert found is not None
        other = {**found, "status": {**status_of(found), "message": "changed"}}
        store.commit_now(Transaction((Put(CONTRACT, other),)))
        return await commit(transaction)

    monkeypatch.setattr(store, "commit", overtaken)
    asyncio.run(counter.write())
    assert counts(store) == {}
    monkeypatch.setattr(store, "commit", commit)
    asyncio.run(counter.write())
    assert counts(store) == {"readBytes": 5}


def test_a_pods_key_knows_its_contract() -> None:
    source = {"driver": CSI_BUCKET, "volumeAttributes": {"bucket": "data"}}
    pod: Object = {
        "metadata": {
            "name": "p",
            "namespace": "xyz",
            "uid": "u1",
            "annotations": {ANN_CONTRACT: "c"},
        },
        "spec": {"nodeName": "n1", "volumes": [{"name": "d", "csi": source}]},
        "status": {"phase": "Running"},
    }
    assert read_bucket_pod(pod) == POD


def test_the_store_knows_what_each_bucket_holds(tmp_path: Path) -> None:
    async def story() -> dict[str, tuple[int, int]]:
        door = create_app(
            credentials=MemoryCredentials([]),
            directory=MemoryDirectory(lambda: 0),
            clock=lambda: 0,
            data=tmp_path,
        )
        await door.start()
        for key, body in (("a", b"x" * 10), ("b", b""), ("a", b"x" * 7)):
            await door.storage.put(At("one", key), Content(len(body), "e", body=body), [])
        await door.storage.put(At("two", "a"), Content(3, "e", body=b"abc"), [])
        found = await door.storage.sizes()
        await door.stop()
        return found

    assert asyncio.run(story()) == {"one": (2, 7), "two": (1, 3)}


def test_a_bucket_says_what_it_holds_and_where_and_is_written_only_where_that_changed() -> None:
    bucket = new_object(Key(GROUP, "buckets", "xyz", "data"), "u", 1)
    bucket = {**bucket, "status": {"phase": "Ready"}}
    bucket["metadata"]["resourceVersion"] = "1"
    (put,) = summarised(bucket, 2, 7, Place("Sweden", "elastx"))
    assert isinstance(put, Put)
    assert status_of(put.obj) == {
        "phase": "Ready",
        "objects": 2,
        "bytes": 7,
        "region": "Sweden",
        "storedBy": "elastx",
    }
    assert summarised(put.obj, 2, 7, Place("Sweden", "elastx")) == ()
    (moved,) = summarised(put.obj, 2, 7, Place())
    assert isinstance(moved, Put)
    assert "region" not in status_of(moved.obj)
