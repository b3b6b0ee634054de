"""Which images a node holds: told in its status, once for each change."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.agent.conftest import Node

from busbar.agent.api import Unreachable
from busbar.agent.images.catalog import Catalog, ImageRecord, Listed, size_of
from busbar.agent.stocktaking import IMAGES_MAX, Stocktaker, as_status, names_of
from busbar.images.reference import parse_reference

LAYER = "sha256:" + "a" * 64
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    found = Catalog(tmp_path / "images")
    found.prepare()
    return found


def hold(catalog: Catalog, name: str, size: int = 5, *, whole: bool = True) -> None:
    reference = parse_reference(name)
    layer = LAYER if whole else "sha256:" + "b" * 64
    if whole and not catalog.has_layer(layer):
        with catalog.adding() as tmp:
            folder = tmp / "made/diff/usr"
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(bytes(size))
            (folder / "link").symlink_to("/etc/passwd")
            catalog.add_layer(tmp / "made", layer)
    catalog.save(reference, ImageRecord(str(reference), DIGEST, [layer], {}))


def test_whole_images_are_listed_with_what_they_take(catalog: Catalog) -> None:
    hold(catalog, "apache/spark", 5000)
    hold(catalog, "half", whole=False)
    (found,) = catalog.listed()
    assert found.reference == "docker.io/apache/spark:latest"
    assert 5000 <= found.size_bytes < 5200  # and the mark of the boot


def test_before_the_first_image_there_is_none(tmp_path: Path) -> None:
    assert Catalog(tmp_path / "nothing").listed() == []
    assert size_of(tmp_path / "nothing") == 0


def test_names_are_those_in_full_and_those_that_people_write() -> None:
    assert names_of("docker.io/apache/spark:latest") == [
        "docker.io/apache/spark:latest",
        "apache/spark:latest",
    ]
    assert names_of("docker.io/library/debian:12")[-1] == "debian:12"
    assert names_of("host:5000/a:1") == ["host:5000/a:1"]


def test_the_largest_are_told_and_not_too_many() -> None:
    found = as_status([Listed(f"a:{n}", n) for n in range(IMAGES_MAX + 5)])
    assert len(found) == IMAGES_MAX
    assert found[0] == {"names": [f"a:{IMAGES_MAX + 4}"], "sizeBytes": IMAGES_MAX + 4}


async def test_a_list_is_told_once_for_each_change(node: Node, catalog: Catalog) -> None:
    stocktaker = Stocktaker(node.api, catalog)  # type: ignore[arg-type]
    hold(catalog, "apache/spark")
    assert await stocktaker.tell()
    verb, path, body = node.api.told[-1]
    assert (verb, path) == ("PATCH", "/api/v1/nodes/n1/status")
    assert body["status"]["images"][0]["names"][1] == "apache/spark:latest"
    assert not await stocktaker.tell()
    hold(catalog, "other")
    assert await stocktaker.tell()


async def test_a_list_that_was_not_heard_is_told_the_next_time(
    node: Node, catalog: Catalog
) -> None:
    stocktaker = Stocktaker(node.api, catalog)  # type: ignore[arg-type]
    node.api.is_reachable = False
    with pytest.raises(Unreachable):
        await stocktaker.tell()
    node.api.is_reachable = True
    assert await stocktaker.tell()
