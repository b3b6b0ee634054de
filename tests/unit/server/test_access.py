"""Keys: a namespace's opens its buckets, a Pod's opens what it mounts while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from busbar.model.objects import Key, Object
from busbar.model.wellknown import CSI_BUCKET
from busbar.server.access import AccessKeys
from busbar.server.identities import new_access_key, read_access_key
from busbar.server.informer import Informer
from busbar.server.podkeys import PREFIX, PodKeys
from busbar.store.contract import ANY, Delete, Put, Transaction
from busbar.store.memory import MemoryStore


def pod(phase: str = "Running", node: str | None = "n1", bucket: str = "data") -> Object:
    volume = {"name": "v", "csi": {"driver": CSI_BUCKET, "volumeAttributes": {"bucket": bucket}}}
    spec: dict[str, Any] = {"volumes": [volume], "containers": []}
    if node:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "xyz", "uid": "u1"},
        "spec": spec,
        "status": {"phase": phase},
    }


def put(store: MemoryStore, obj: Object, resource: str) -> None:
    meta = obj["metadata"]
    key = Key("", resource, meta["namespace"], meta["name"])
    store.commit_now(Transaction((Put(key, obj, ANY),)))


def looked_up(tmp_path: Path, *steps: Callable[[MemoryStore], None], key: str) -> Any:
    """Follow a store through steps, then look a key up."""

    async def follow() -> Any:
        store = MemoryStore()
        keys = AccessKeys(store, PodKeys(tmp_path))
        tasks = [asyncio.create_task(i.run()) for i in (keys.secrets, keys.pods)]
        await asyncio.gather(keys.secrets.ready.wait(), keys.pods.ready.wait())
        for step in steps:
            step(store)
            for _ in range(20):
                await asyncio.sleep(0)
        found = keys.lookup(key)
        for task in tasks:
            task.cancel()
        return found

    return asyncio.run(follow())


def test_a_pods_key_opens_its_buckets_in_its_namespace(tmp_path: Path) -> None:
    grant = looked_up(tmp_path, lambda s: put(s, pod(), "pods"), key=f"{PREFIX}u1")
    assert (grant.namespace, grant.buckets) == ("xyz", frozenset({"data"}))
    assert grant.secret == PodKeys(tmp_path).secret("u1")


@pytest.mark.parametrize("ended", [pod("Succeeded"), pod("Failed"), pod(node=None)])
def test_it_dies_with_the_pod(tmp_path: Path, ended: Object) -> None:
    steps = (lambda s: put(s, pod(), "pods"), lambda s: put(s, ended, "pods"))
    assert looked_up(tmp_path, *steps, key=f"{PREFIX}u1") is None


def test_it_dies_with_the_pods_deletion(tmp_path: Path) -> None:
    def delete(store: MemoryStore) -> None:
        store.commit_now(Transaction((Delete(Key("", "pods", "xyz", "p")),)))

    steps = (lambda s: put(s, pod(), "pods"), delete)
    assert looked_up(tmp_path, *steps, key=f"{PREFIX}u1") is None


def test_secrets_of_pods_differ_and_depend_on_the_clouds_own_key(tmp_path: Path) -> None:
    here, there = PodKeys(tmp_path / "a"), PodKeys(tmp_path / "b")
    assert len({here.secret("u1"), here.secret("u2"), there.secret("u1")}) == 3
    assert PodKeys(tmp_path / "a").secret("u1") == here.secret("u1")


def test_a_namespaces_key_opens_all_its_buckets(tmp_path: Path) -> None:
    secret = new_access_key("xyz", "s3")
    known = read_access_key(secret)
    assert known is not None
    grant = looked_up(tmp_path, lambda s: put(s, secret, "secrets"), key=known.id)
    assert (grant.namespace, grant.buckets, grant.secret) == ("xyz", None, known.secret)


def test_an_unknown_key_opens_nothing(tmp_path: Path) -> None:
    assert looked_up(tmp_path, key="BBNOSUCH") is None
    assert looked_up(tmp_path, key=f"{PREFIX}nosuch") is None


def test_an_informer_starts_over_when_history_was_forgotten() -> None:
    async def follow() -> list[str]:
        store = MemoryStore(max_events=2)
        informer: Informer[str] = Informer(
            store, "", "secrets", lambda obj: str(obj["metadata"]["name"])
        )
        task = asyncio.create_task(informer.run())
        await informer.ready.wait()
        for number in range(50):  # Faster than it can follow: it gets no turn in between.
            secret = {"metadata": {"name": f"s{number}", "namespace": "xyz"}}
            put(store, {"apiVersion": "v1", "kind": "Secret", **secret}, "secrets")
        for _ in range(200):
            await asyncio.sleep(0)
        task.cancel()
        return sorted(informer)

    assert len(asyncio.run(follow())) == 50
