"""A node's images: whole or not there, and removed when nobody uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from busbar.agent.images.catalog import Catalog, ImageRecord
from busbar.images.reference import parse_reference

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
D1, D2 = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NAME = parse_reference("apache/spark")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "images")
    catalog.prepare()
    return catalog


def add_layer(catalog: Catalog, diff_id: str) -> None:
    with catalog.adding() as tmp:
        (tmp / "made/diff").mkdir(parents=True)
        catalog.add_layer(tmp / "made", diff_id)


def record(digest: str, *diff_ids: str, key: str = "") -> ImageRecord:
    return ImageRecord(str(NAME), digest, list(diff_ids), {"Env": []}, key)


def test_an_image_is_found_once_all_its_layers_are_there(catalog: Catalog) -> None:
    add_layer(catalog, A)
    catalog.save(NAME, record(D1, A, B))
    assert catalog.find(NAME) is None
    add_layer(catalog, B)
    found = catalog.find(NAME)
    assert found is not None
    assert [path.is_dir() for path in found.layers] == [True, True]
    assert found.layers == (catalog.layer(A) / "diff", catalog.layer(B) / "diff")


def test_what_was_fetched_with_credentials_needs_them_again(catalog: Catalog) -> None:
    add_layer(catalog, A)
    catalog.save(NAME, record(D1, A, key="hash of a password"))
    assert catalog.find(NAME) is None
    assert catalog.find(NAME, "another") is None
    assert catalog.find(NAME, "hash of a password") is not None


def test_a_layer_of_an_earlier_boot_that_may_not_be_on_disk_does_not_count(catalog) -> None:
    add_layer(catalog, A)
    (catalog.layer(A) / "boot").write_text("an earlier boot")
    assert not catalog.has_layer(A)
    add_layer(catalog, A)
    assert catalog.has_layer(A)


def test_a_settled_layer_survives_the_next_boot(catalog: Catalog) -> None:
    add_layer(catalog, A)
    catalog.settle()
    assert not (catalog.layer(A) / "boot").exists()
    assert catalog.has_layer(A)


def test_two_workers_may_finish_the_same_layer(catalog: Catalog) -> None:
    add_layer(catalog, A)
    add_layer(catalog, A)
    assert catalog.has_layer(A)
    assert list(catalog.tmp.iterdir()) == []


def test_an_interrupted_unpack_leaves_nothing_that_counts(catalog: Catalog) -> None:
    (catalog.tmp / "dead-worker/layer0/diff").mkdir(parents=True)
    assert not catalog.has_layer(A)
    assert catalog.collect(set())
    assert list(catalog.tmp.iterdir()) == []


def test_collecting_keeps_what_is_in_use(catalog: Catalog) -> None:
    add_layer(catalog, A)
    add_layer(catalog, B)
    catalog.save(NAME, record(D1, A))
    catalog.save(parse_reference("other"), ImageRecord("other", D2, [A, B], {}))
    assert catalog.collect({D1})
    assert catalog.find(NAME) is not None
    assert catalog.find(parse_reference("other")) is None
    assert not catalog.has_layer(B)


def test_an_older_image_of_a_moved_name_is_kept_while_it_runs(catalog: Catalog) -> None:
    add_layer(catalog, A)
    add_layer(catalog, B)
    catalog.save(NAME, record(D1, A))
    catalog.save(NAME, record(D2, B))
    assert catalog.collect({D1, D2})
    assert catalog.has_layer(A)
    assert catalog.collect({D2})
    assert not catalog.has_layer(A)
    assert catalog.has_layer(B)


def test_what_was_asked_for_lately_is_kept(catalog: Catalog) -> None:
    add_layer(catalog, A)
    catalog.save(NAME, record(D1, A))
    asked_at = next((catalog.root / "images").iterdir()).stat().st_mtime
    assert catalog.collect(set(), before_s=asked_at)
    assert catalog.has_layer(A)
    assert catalog.collect(set(), before_s=asked_at + 1)
    assert not catalog.has_layer(A)


def test_nothing_is_collected_while_an_image_is_being_fetched(catalog: Catalog) -> None:
    add_layer(catalog, A)
    with catalog.adding():
        assert not catalog.collect(set())
    assert catalog.has_layer(A)
