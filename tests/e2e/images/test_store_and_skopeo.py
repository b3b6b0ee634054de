"""The store and its door with the real skopeo."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from busbar.images.build import BuildProgress, build
from busbar.images.obtain import obtain
from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.skopeo import Access
from busbar.images.store import ImageStore

BUSYBOX = parse_reference("busybox")
RECIPES = Path(__file__).parents[3] / "images"


def skopeo(*command: str) -> str:
    done = subprocess.run(
        ["skopeo", "--insecure-policy", *command], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def archive(built: ImageStore, tmp_path: Path) -> Path:
    path = tmp_path / "busybox.tar"
    built.export(BUSYBOX, path, "docker-archive")
    return path


def test_skopeo_reads_the_store_as_an_oci_layout(built: ImageStore) -> None:
    found = json.loads(skopeo("inspect", f"oci:{built.layout.root}:{BUSYBOX}"))
    assert found["Digest"] == built.images()[0].digest


def test_skopeo_inspects_and_copies_through_the_door(built, door: str, tmp_path: Path) -> None:
    found = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{door}/busybox"))
    assert found["Digest"] == built.images()[0].digest
    assert found["RepoTags"] == ["latest"]
    source = f"docker://{door}/docker.io/library/busybox@{found['Digest']}"
    skopeo("copy", "--src-tls-verify=false", source, f"dir:{tmp_path}/copy")
    assert len(list((tmp_path / "copy").iterdir())) == len(found["Layers"]) + 3


def test_building_again_finds_everything_in_place(built: ImageStore) -> None:
    before = built.images()
    seen: list[BuildProgress] = []
    build(built, RECIPES / "busybox", seen.append)
    assert built.images() == before
    assert seen == []


def test_a_changed_config_needs_no_new_layers(built: ImageStore, tmp_path: Path) -> None:
    recipe = Path(shutil.copytree(RECIPES / "busybox", tmp_path / "recipe"))
    text = (recipe / "recipe.toml").read_text()
    text = text.replace("busybox:latest", "busybox:changed", 1)
    (recipe / "recipe.toml").write_text(text)
    layers = built.manifest(built.find(BUSYBOX))["layers"]
    build(built, recipe)
    (recipe / "recipe.toml").write_text(text.replace('["sh"]', '["ls"]'))
    seen: list[BuildProgress] = []
    build(built, recipe, seen.append)
    changed = built.find(parse_reference("busybox:changed"))
    assert [layer["annotations"] for layer in built.manifest(changed)["layers"]] == [
        layer["annotations"] for layer in layers
    ]
    assert seen == []
    built.remove(parse_reference("busybox:changed"))


def test_an_interrupted_build_goes_on_where_it_was(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)

    def interrupt(progress: BuildProgress) -> None:
        if progress.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(store, RECIPES / "busybox", interrupt)
    assert store.images() == []
    kept = [path.name for path in store.layout.blobs.iterdir()]
    seen: list[BuildProgress] = []
    image = build(store, RECIPES / "busybox", seen.append)
    layers = store.manifest(store.find(BUSYBOX))["layers"]
    assert layers[0]["digest"].removeprefix("sha256:") in kept
    assert image.name == "docker.io/library/busybox:latest"
    assert [progress.fraction for progress in seen] == sorted(p.fraction for p in seen)
    assert list(store.layout.tmp.iterdir()) == []


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_an_exported_image_is_imported_again(built, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image.tar"
    built.export(BUSYBOX, path, kind)
    other = ImageStore(tmp_path / "other")
    image = other.import_file(path, name="mine/busybox:1" if kind == "oci-archive" else None)
    expected = "mine/busybox:1" if kind == "oci-archive" else "library/busybox:latest"
    assert image.name == f"docker.io/{expected}"
    assert len(other.manifest(other.find(parse_reference(image.name)))["layers"]) == 2


def test_a_store_directory_is_imported(built: ImageStore, tmp_path: Path) -> None:
    other = ImageStore(tmp_path / "other")
    assert other.import_file(built.layout.root).digest == built.images()[0].digest


def test_a_damaged_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        ImageStore(tmp_path / "other").import_file(archive)
    assert caught.value.refusal in (ImageRefusal.DIGEST_MISMATCH, ImageRefusal.INVALID_IMAGE)
    assert ImageStore(tmp_path / "other").images() == []


def test_pulling_says_in_one_sentence_why_it_cannot(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    with pytest.raises(ImageError) as caught:
        store.pull(parse_reference("127.0.0.1:1/nobody/there"))
    assert caught.value.refusal is ImageRefusal.REGISTRY_UNREACHABLE
    assert caught.value.sentence.count("\n") == 0
    assert list(store.layout.tmp.iterdir()) == []


def test_pulling_what_a_registry_does_not_have_is_told_apart(door: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        ImageStore(tmp_path).pull(parse_reference(f"{door}/no/such"), Access(tls_verify=False))
    assert caught.value.refusal is ImageRefusal.NOT_FOUND


def test_two_stores_exchange_an_image_through_the_door(built, door: str, tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    seen: list[int] = []
    image = store.pull(
        parse_reference(f"{door}/busybox"), Access(tls_verify=False), on_bytes=seen.append
    )
    assert image.digest == built.images()[0].digest
    assert image.name == f"{door}/busybox:latest"


def test_an_image_comes_from_its_recipe_where_no_registry_is_reachable(tmp_path: Path) -> None:
    recipe = Path(shutil.copytree(RECIPES / "busybox", tmp_path / "recipe"))
    text = (recipe / "recipe.toml").read_text()
    (recipe / "recipe.toml").write_text(
        text.replace("docker.io/library/busybox", "registry.invalid/busybox")
    )
    store = ImageStore(tmp_path / "store")
    seen: list[BuildProgress] = []
    image = obtain(store, recipe, seen.append)
    assert image.name == "registry.invalid/busybox:latest"
    assert seen[-1].fraction == 1.0
    seen.clear()
    assert obtain(store, recipe, seen.append) == image
    assert seen == []
