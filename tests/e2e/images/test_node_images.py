"""A node gets images from the cloud's door, unpacks them once, and says why where it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from busbar.agent.images.manager import ImageManager, PullPolicy
from busbar.agent.images.places import Sources
from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.store import ImageStore

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def sources(door: str) -> Sources:
    return Sources(door=door, door_tls=False)


def ensure(root: Path, sources: Sources, name: str, **more):
    async def run():
        manager = ImageManager(root, sources)
        try:
            return await manager.ensure(name, **more)
        finally:
            await manager.close()

    return asyncio.run(run())


def refusal(root: Path, sources: Sources, name: str, **more) -> ImageError:
    with pytest.raises(ImageError) as caught:
        ensure(root, sources, name, **more)
    assert "\n" not in caught.value.sentence
    assert list((root / "tmp").glob("*")) == []
    return caught.value


def test_an_image_of_the_cloud_runs_from_its_layers(sources, tmp_path: Path) -> None:
    image = ensure(tmp_path, sources, "busybox")
    assert image.config["Cmd"] == ["sh"]
    program = image.layers[0] / "bin/busybox"
    assert subprocess.run([program, "echo", "hello"], capture_output=True).stdout == b"hello\n"
    assert stat.S_IMODE((image.layers[1] / "tmp").stat().st_mode) == 0o1777
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_an_image_that_is_there_needs_no_registry(sources, tmp_path: Path) -> None:
    image = ensure(tmp_path, sources, "busybox")
    gone = Sources(door="127.0.0.1:1", door_tls=False, upstream=False)
    assert ensure(tmp_path, gone, "docker.io/library/busybox:latest") == image
    assert ensure(tmp_path, gone, "busybox", policy=PullPolicy.NEVER) == image
    again = refusal(tmp_path, gone, "busybox", policy=PullPolicy.ALWAYS)
    assert again.refusal is ImageRefusal.REGISTRY_UNREACHABLE


def test_asking_together_fetches_once(sources, tmp_path: Path) -> None:
    async def run() -> list[Path]:
        manager = ImageManager(tmp_path, sources)
        asked = [manager.ensure("busybox") for _ in range(5)]
        workers = asyncio.gather(*asked)
        await asyncio.sleep(0)
        assert len(manager._fetches) <= 1
        images = await workers
        assert len({image.digest for image in images}) == 1
        await manager.close()
        return list((tmp_path / "layers").iterdir())

    assert len(asyncio.run(run())) == 2


def test_whoever_gives_up_leaves_nothing_behind(sources, tmp_path: Path) -> None:
    async def run() -> None:
        manager = ImageManager(tmp_path, sources)
        asked = asyncio.create_task(manager.ensure("busybox"))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await manager.close()
        assert manager.find("busybox") is None
        assert await manager.collect(set())
        assert list((tmp_path / "tmp").iterdir()) == []

    asyncio.run(run())


def test_unused_images_stay_while_there_is_room(sources, tmp_path: Path) -> None:
    async def run(free_share_min: float) -> bool:
        manager = ImageManager(tmp_path, sources, free_share_min=free_share_min)
        await manager.ensure("busybox")
        await manager.close()
        assert await manager.collect(set())
        return manager.find("busybox") is not None

    assert asyncio.run(run(0.0))
    for path in (tmp_path / "images").iterdir():
        os.utime(path, (0, 0))
    assert asyncio.run(run(1.1)), "asked for a moment ago"
    for path in (tmp_path / "images").iterdir():
        os.utime(path, (0, 0))
    manager = ImageManager(tmp_path, sources, free_share_min=1.1)
    assert asyncio.run(manager.collect(set()))
    assert manager.find("busybox") is None


def test_progress_reaches_the_end(sources, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    ensure(tmp_path, sources, "busybox", on_progress=lambda *now: seen.append(now))
    done, total = seen[-1]
    assert 0 < done <= total


def test_what_nobody_has_is_not_found(sources, tmp_path: Path) -> None:
    error = refusal(tmp_path, sources, "no.such.registry.invalid/nothing")
    assert error.refusal is ImageRefusal.NOT_FOUND
    assert "busbar image import" in error.sentence


def test_a_private_address_is_never_asked(sources, tmp_path: Path) -> None:
    error = refusal(tmp_path, sources, "169.254.169.254/latest/meta-data")
    assert error.refusal is ImageRefusal.REGISTRY_FORBIDDEN


def test_a_listed_private_registry_is_asked_through_skopeo(door: str, tmp_path: Path) -> None:
    sources = Sources(private_registries=(door,), insecure_registries=(door,))
    image = ensure(tmp_path, sources, f"{door}/library/busybox")
    assert (image.layers[0] / "bin/busybox").exists()


@pytest.fixture
def hostile(built: ImageStore):
    """Adds an image of one raw layer to the store that the door serves."""

    def add(layer: bytes, diff_id: str | None = None, promised: str | None = None) -> str:
        stored = built.layout.put(layer)
        config = {"rootfs": {"diff_ids": [diff_id or stored["digest"]]}}
        config_blob = built.layout.put(json.dumps(config).encode())
        manifest = {"config": config_blob, "layers": [stored]}
        reference = parse_reference("hostile")
        built.publish(reference, json.dumps(manifest).encode(), MANIFEST_TYPE)
        if promised is not None:
            built.layout.blob(stored["digest"]).write_bytes(promised.encode())
        return "hostile"

    yield add
    built.remove(parse_reference("hostile"))


def test_an_unsafe_layer_is_refused(sources, hostile, tmp_path: Path) -> None:
    error = refusal(tmp_path, sources, hostile(b"noise" * 1000))
    assert error.refusal is ImageRefusal.UNSAFE_LAYER


def test_a_layer_with_another_diff_id_is_refused(sources, hostile, tmp_path: Path) -> None:
    error = refusal(tmp_path, sources, hostile(bytes(1024), diff_id="sha256:" + "0" * 64))
    assert error.refusal is ImageRefusal.DIGEST_MISMATCH


def test_a_blob_that_was_altered_in_the_store_is_refused(sources, hostile, tmp_path) -> None:
    name = hostile(bytes(1024), promised="\0" * 512)
    assert refusal(tmp_path, sources, name).refusal is ImageRefusal.DIGEST_MISMATCH


def test_a_worker_that_is_killed_is_one_sentence(sources, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setattr("sys.executable", "/bin/false")
    error = refusal(tmp_path, sources, "busybox")
    assert error.refusal is ImageRefusal.INVALID_IMAGE


def test_a_full_disk_is_one_sentence(sources, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], check=True)
    try:
        assert refusal(small, sources, "busybox").refusal is ImageRefusal.DISK_FULL
    finally:
        subprocess.run(["umount", small], check=True)


def test_owners_stay_as_in_the_image(sources, hostile, tmp_path: Path) -> None:
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("mine")
        entry.uid, entry.gid, entry.mode = 185, 70_000, 0o4755
        tar.addfile(entry)
    image = ensure(tmp_path, sources, hostile(out.getvalue()))
    status = os.stat(image.layers[0] / "mine")
    assert (status.st_uid, status.st_gid) == (185, 70_000)
    assert stat.S_IMODE(status.st_mode) == 0o4755
