"""The registry door answers as the distribution specification says, to those it knows."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from busbar.apis.registry.app import RegistryDoor
from busbar.images.reference import parse_reference
from busbar.images.store import ImageStore

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER = b"0123456789"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return json.loads(self.body)["errors"][0]["code"]


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path / "store")
    store.layout.prepare()
    layers = [store.layout.put(LAYER)]
    manifest = {"config": store.layout.put(b"{}"), "layers": layers}
    store.publish(parse_reference("apache/spark"), json.dumps(manifest).encode(), MANIFEST_TYPE)
    store.layout.put(b"of nobody")
    return store


@pytest.fixture
def ask(store: ImageStore):
    def ask(path: str, method: str = "GET", known: bool = True, **headers: str) -> Reply:
        door = RegistryDoor(store, lambda _: "somebody" if known else None)
        sent: list[dict] = []

        async def receive() -> dict:
            if not sent:
                return {"type": "http.request", "body": b""}
            return await asyncio.get_running_loop().create_future()

        async def send(message: dict) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(door(scope, receive, send))
        start, *bodies = sent
        assert not bodies[-1].get("more_body")
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], found, b"".join(part["body"] for part in bodies))

    return ask


@pytest.fixture
def layer(store: ImageStore) -> str:
    return store.layout.put(LAYER)["digest"]


def test_a_stranger_gets_nothing(ask, layer: str) -> None:
    for path in ("/v2/", "/v2/_catalog", f"/v2/apache/spark/blobs/{layer}"):
        reply = ask(path, known=False)
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED")
        assert "www-authenticate" in reply.headers


def test_the_root_says_that_this_is_a_registry(ask) -> None:
    reply = ask("/v2/")
    assert reply.status == 200
    assert reply.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("name", ["docker.io/apache/spark", "apache/spark"])
def test_a_manifest_is_had_by_tag_and_by_digest(ask, name: str) -> None:
    by_tag = ask(f"/v2/{name}/manifests/latest")
    digest = by_tag.headers["docker-content-digest"]
    assert by_tag.status == 200
    assert by_tag.headers["content-type"] == MANIFEST_TYPE
    assert ask(f"/v2/{name}/manifests/{digest}").body == by_tag.body
    head = ask(f"/v2/{name}/manifests/latest", method="HEAD")
    assert (head.body, head.headers) == (b"", by_tag.headers)


def test_a_blob_is_had_whole_and_in_part(ask, layer: str) -> None:
    path = f"/v2/apache/spark/blobs/{layer}"
    whole = ask(path)
    assert (whole.status, whole.body) == (200, LAYER)
    assert whole.headers["content-length"] == "10"
    part = ask(path, range="bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert ask(path, range="bytes=7-").body == b"789"
    assert ask(path, range="bytes=-2").body == b"89"
    assert ask(path, range="bytes=0-99").body == LAYER
    assert ask(path, method="HEAD").body == b""


def test_a_range_beyond_the_end_is_refused(ask, layer: str) -> None:
    reply = ask(f"/v2/apache/spark/blobs/{layer}", range="bytes=10-")
    assert (reply.status, reply.code) == (416, "RANGE_INVALID")


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=5-2", "bytes=1-2,4-5", "bytes=-", "x"])
def test_a_range_that_is_not_understood_gives_the_whole(ask, layer: str, asked: str) -> None:
    assert ask(f"/v2/apache/spark/blobs/{layer}", range=asked).body == LAYER


def test_a_blob_is_not_had_through_another_name(ask, store: ImageStore, layer: str) -> None:
    nobodys = store.layout.put(b"of nobody")["digest"]
    for path in (f"/v2/other/blobs/{layer}", f"/v2/apache/spark/blobs/{nobodys}"):
        reply = ask(path)
        assert (reply.status, reply.code) == (404, "BLOB_UNKNOWN")


def test_tags_and_names_are_listed(ask) -> None:
    assert json.loads(ask("/v2/apache/spark/tags/list").body)["tags"] == ["latest"]
    assert json.loads(ask("/v2/_catalog").body) == {"repositories": ["docker.io/apache/spark"]}
    assert ask("/v2/other/tags/list").code == "NAME_UNKNOWN"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/apache/spark/manifests/nope", 404),
        ("/v2/Apache/manifests/latest", 400),
        ("/v2/../../etc/manifests/passwd", 400),
        ("/v2/a/blobs/sha256:../../../index.json", 404),
        ("/v2/a/blobs/sha256:123", 400),
        ("/v2/a/manifests/b:c", 400),
        ("/v2/a/manifests/\x00", 400),
        ("/v2/nonsense", 404),
        ("/v2//manifests/latest", 404),
        ("/elsewhere", 404),
        ("/v2/" + "a" * 300 + "/manifests/latest", 404),
    ],
)
def test_a_wrong_path_is_refused_with_a_code(ask, path: str, status: int) -> None:
    reply = ask(path)
    assert reply.status == status
    assert reply.code


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(ask, method: str) -> None:
    assert ask("/v2/apache/spark/blobs/uploads/", method=method).status == 405
