"""`kubectl delete bucket`: as S3 has it, a bucket with objects stays, unless it says otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from busbar.apis.kubernetes.app import KubernetesApp, create_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.apis.kubernetes.ports import Identity
from busbar.apis.s3.storage.records import Content
from busbar.apis.s3.storage.store import Place
from busbar.model.objects import Key, annotate, with_metadata
from busbar.model.wellknown import ANN_FORCE_DESTROY, GROUP
from busbar.server.access import AccessKeys, Buckets
from busbar.server.doors import BucketGuard, s3_door
from busbar.server.podkeys import PodKeys
from busbar.store.contract import Put, Transaction
from busbar.store.memory import MemoryStore

PATH = f"/apis/{GROUP}/v1alpha1/namespaces/default/buckets"
DATA = Key(GROUP, "buckets", "default", "data")


class House:
    """The Kubernetes door and the S3 door over one store."""

    def __init__(self, directory: Path) -> None:
        uids = (f"uid-{number}" for number in range(1000))
        self.store = MemoryStore()
        self.buckets = Buckets(self.store, lambda: 0, lambda: next(uids))
        keys = AccessKeys(self.store, PodKeys(directory / "pki"))
        self.s3 = s3_door(directory / "s3", keys, self.buckets, lambda: 0)
        self.kubernetes: KubernetesApp = create_app(
            self.store,
            clock=lambda: 0,
            new_uid=lambda: next(uids),
            tokens=lambda token: Identity("admin", ("system:masters",)),
            guard=BucketGuard(self.s3, self.buckets),
        )

    async def put(self, key: str = "a") -> None:
        """Put an object into the bucket `data`."""
        found = await self.buckets.get("default", "data")
        assert found is not None
        place = Place(found["metadata"]["uid"], key)
        await self.s3.storage.put(place, Content(1, "e", body=b"x"), [])

    async def change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        found = await self.store.get(DATA)
        assert found is not None
        await self.store.commit(Transaction((Put(DATA, change(found)),)))

    async def delete(self, path: str = f"{PATH}/data", query: bytes = b"") -> tuple[int, str]:
        """Ask as kubectl does; gives the status and the sentence."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer t")]
        scope = {"type": "http", "method": "DELETE", "path": path, "query_string": query}
        await self.kubernetes({**scope, "headers": headers}, receive, send)
        document = json.loads(b"".join(message["body"] for message in sent[1:]))
        return sent[0]["status"], document.get("message", "")


@asynccontextmanager
async def open_house(directory: Path) -> AsyncIterator[House]:
    house = House(directory)
    await ensure_namespaces(house.store, lambda: 0, lambda: "uid")
    await house.s3.start()
    await house.buckets.create("default", "data")
    try:
        yield house
    finally:
        house.kubernetes.close()
        await house.s3.stop()


Story = Callable[[House], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story in a house."""

    async def run(story: Story) -> None:
        async with open_house(tmp_path) as house:
            await story(house)

    return lambda story: asyncio.run(run(story))


def test_a_bucket_with_objects_stays_and_says_what_to_do(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.put()
        status, message = await house.delete()
        assert status == 409
        assert "BucketNotEmpty: it has objects" in message
        assert "aws s3 rm --recursive s3://data" in message
        assert f"{ANN_FORCE_DESTROY}=true" in message
        assert await house.store.get(DATA) is not None
        await house.put("b")  # It goes on as before.

    tell(story)


def test_an_empty_bucket_goes(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.put()
        found = await house.store.get(DATA)
        assert found is not None
        await house.s3.storage.delete(found["metadata"]["uid"], "a")
        assert await house.delete() == (200, "")
        assert await house.store.get(DATA) is None

    tell(story)


def test_a_bucket_that_says_so_goes_with_its_objects(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.put()
        await house.change(lambda obj: annotate(obj, {ANN_FORCE_DESTROY: "true"}))
        assert await house.delete() == (200, "")
        assert await house.store.get(DATA) is None

    tell(story)


@pytest.mark.parametrize("word", ["", "false", "yes"])
def test_only_the_word_true_counts(tell: Callable[[Story], None], word: str) -> None:
    async def story(house: House) -> None:
        await house.put()
        await house.change(lambda obj: annotate(obj, {ANN_FORCE_DESTROY: word}))
        assert (await house.delete())[0] == 409

    tell(story)


def test_deleting_all_buckets_spares_those_with_objects(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.put()
        await house.buckets.create("default", "another")
        assert (await house.delete(PATH))[0] == 409
        names = [b["metadata"]["name"] for b in await house.buckets.list("default")]
        assert names == ["data"]

    tell(story)


def test_trying_it_only_changes_nothing(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        assert (await house.delete(query=b"dryRun=All"))[0] == 200
        await house.put()
        assert (await house.delete(query=b"dryRun=All"))[0] == 409

    tell(story)


def test_a_bucket_that_a_finalizer_holds_stays_open(tell: Callable[[Story], None]) -> None:
    async def story(house: House) -> None:
        await house.change(lambda obj: with_metadata(obj, finalizers=["example.org/hold"]))
        assert (await house.delete())[0] == 200
        await house.put()
        assert await house.store.get(DATA) is not None

    tell(story)
