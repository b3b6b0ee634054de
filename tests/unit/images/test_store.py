"""The image store: names appear whole, content is shared, and nothing needed is swept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.store import ImageStore

SPARK = parse_reference("apache/spark")
OTHER = parse_reference("other:1")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path / "store")
    store.layout.prepare()
    return store


def add(store: ImageStore, reference, *contents: bytes) -> str:
    config = store.layout.put(json.dumps({"made of": str(reference)}).encode())
    layers = [store.layout.put(content) for content in contents]
    manifest = json.dumps({"config": config, "layers": layers}).encode()
    return store.publish(reference, manifest, MANIFEST_TYPE).digest


def test_an_empty_store_has_no_images(tmp_path: Path) -> None:
    assert ImageStore(tmp_path / "nothing here").images() == []


def test_an_image_is_found_by_tag_and_by_digest_of_its_own_name(store: ImageStore) -> None:
    digest = add(store, SPARK, b"layer")
    assert store.find(SPARK)["digest"] == digest
    assert store.find(parse_reference(f"apache/spark@{digest}"))["digest"] == digest
    assert store.find(parse_reference(f"other@{digest}")) is None
    assert store.find(parse_reference("apache/spark:3")) is None
    assert store.tags("docker.io/apache/spark") == ["latest"]


def test_a_name_moves_to_the_newer_image(store: ImageStore) -> None:
    add(store, SPARK, b"old")
    digest = add(store, SPARK, b"new")
    assert [image.digest for image in store.images()] == [digest]


def test_removing_a_name_frees_only_what_no_other_needs(store: ImageStore) -> None:
    add(store, SPARK, b"shared", b"own")
    add(store, OTHER, b"shared")
    shared, own = (store.layout.put(content)["digest"] for content in (b"shared", b"own"))
    store.remove(SPARK)
    assert store.layout.blob(shared).exists()
    assert not store.layout.blob(own).exists()
    assert [image.name for image in store.images()] == ["docker.io/library/other:1"]


def test_nothing_is_swept_while_somebody_adds(store: ImageStore) -> None:
    add(store, SPARK, b"layer")
    with store.layout.adding() as tmp:
        (tmp / "blob").write_bytes(b"half")
        store.remove(SPARK)
        assert (tmp / "blob").exists()
        assert len(list(store.layout.blobs.iterdir())) == 3
    add(store, OTHER, b"layer")
    store.remove(OTHER)
    assert list(store.layout.blobs.iterdir()) == []


def test_what_a_dead_process_left_behind_is_swept(store: ImageStore) -> None:
    add(store, SPARK, b"layer")
    (store.layout.tmp / "dead").mkdir()
    store.remove(SPARK)
    assert list(store.layout.tmp.iterdir()) == []


def test_removing_what_is_not_there_says_where_to_look(store: ImageStore) -> None:
    with pytest.raises(ImageError) as caught:
        store.remove(SPARK)
    assert caught.value.refusal is ImageRefusal.NOT_FOUND
    assert "busbar image list" in caught.value.sentence


def test_content_belongs_to_names(store: ImageStore) -> None:
    add(store, SPARK, b"layer")
    layer = store.layout.put(b"layer")["digest"]
    assert layer in store.content("docker.io/apache/spark")
    assert layer not in store.content("docker.io/library/other")


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x1f\x8bno gzip", b"\0" * 10240])
def test_a_file_that_is_no_image_is_refused(store: ImageStore, tmp_path: Path, content) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        store.import_file(path)
    assert caught.value.refusal is ImageRefusal.INVALID_IMAGE


def test_a_missing_file_is_named(store: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        store.import_file(tmp_path / "nowhere.tar")
    assert caught.value.refusal is ImageRefusal.NOT_FOUND
    assert "nowhere.tar" in caught.value.sentence
