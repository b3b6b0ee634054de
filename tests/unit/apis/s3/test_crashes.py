"""A crash or a failing disk between any two steps leaves the old object or the new one.

A crash is a copy of the data directory taken at that moment: what a new process would find. (What
an unsynced page would lose is held by the order of the steps, which the last test reads.)
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from busbar.apis.s3.body import Incoming, ingest
from busbar.apis.s3.checksums import Digests
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.records import Content, Upload
from busbar.apis.s3.storage.store import Place, Storage

K = Place("bucket", "key")
OLD, NEW = b"o" * 100_000, b"n" * 150_000


async def upload(storage: Storage, body: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    plan = Incoming(len(body), None, Digests())
    content = await ingest(receive, plan, storage.blobs, storage.pool)  # type: ignore[arg-type]
    await storage.put(K, content, [])


async def read(storage: Storage) -> bytes:
    body = storage.open(K)
    assert body is not None
    try:
        return b"".join([piece async for piece in body.stream(0, body.stored.size)])
    finally:
        body.close()


def survivors(image: Path) -> tuple[bytes, int, int]:
    """Start on a crash's image: the object, files swept away, files kept."""
    loop = asyncio.new_event_loop()
    storage = Storage(image, lambda: 0)
    try:
        kept = len(list((image / "blobs").glob("*/*"))) + len(list((image / "tmp").iterdir()))
        return loop.run_until_complete(read(storage)), storage.swept, kept
    finally:
        loop.run_until_complete(storage.close())
        loop.close()


STEPS = ("open", "write", "fdatasync", "rename", "fsync")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_leaves_the_old_object(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    storage = opened.storage
    opened.run(upload(storage, OLD))
    real: Callable[..., Any] = getattr(os, step)
    images: list[Path] = []

    def crashing(*arguments: Any, **named: Any) -> Any:
        done = real(*arguments, **named) if after else None
        if not images:
            images.append(tmp_path / "image")
            monkeypatch.setattr(os, step, real)
            shutil.copytree(tmp_path / "data", images[0])
        return done if after else real(*arguments, **named)

    monkeypatch.setattr(os, step, crashing)
    opened.run(upload(storage, NEW))
    assert opened.run(read(storage)) == NEW
    content, _, kept = survivors(images[0])
    assert content == OLD
    assert kept == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_the_commit_leaves_one_of_both(
    opened: Any, tmp_path: Path, when: str
) -> None:
    storage = opened.storage
    opened.run(upload(storage, OLD))
    taken = tmp_path / "image"
    committer = storage._commit

    def hook(garbage: Any) -> None:
        shutil.copytree(tmp_path / "data", taken)

    if when == "after":
        committer._released = hook
    else:
        run_all = committer._run_all

        def snapshot(batch: Any) -> Any:
            result = run_all(batch)
            hook(None)
            return result

        committer._run_all = snapshot
    opened.run(upload(storage, NEW))
    content, swept, kept = survivors(taken)
    assert content == (NEW if when == "after" else OLD)
    assert (swept, kept) == (1, 1)


@pytest.mark.parametrize("step", ["write", "fdatasync", "rename", "fsync"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, Code.InsufficientStorage), (errno.EIO, Code.InternalError)],
)
def test_a_disk_that_fails_at_any_step_loses_nothing(
    opened: Any, monkeypatch: pytest.MonkeyPatch, step: str, number: int, code: Code
) -> None:
    storage = opened.storage
    opened.run(upload(storage, OLD))

    def failing(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, failing)
    with pytest.raises(S3Error) as refusal:
        opened.run(upload(storage, NEW))
    assert refusal.value.code is code
    monkeypatch.undo()
    assert opened.run(read(storage)) == OLD
    assert len(list(storage.blobs.path("00").parent.parent.glob("*/*"))) == 1
    opened.run(upload(storage, NEW))
    assert opened.run(read(storage)) == NEW


def test_nothing_is_mentioned_before_it_is_synced(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, steps = opened.storage, []

    def noting(step: str) -> Callable[..., Any]:
        real = getattr(os, step)

        def note(*arguments: Any) -> Any:
            steps.append(step)
            return real(*arguments)

        return note

    for step in ("write", "fdatasync", "rename", "fsync"):
        monkeypatch.setattr(os, step, noting(step))
    run_all = storage._commit._run_all

    def committing(batch: Any) -> Any:
        steps.append("commit")
        return run_all(batch)

    storage._commit._run_all = committing
    opened.run(upload(storage, NEW))
    # The first fsync is that of blobs/, whose new folder must survive too.
    assert steps == ["write", "fdatasync", "fsync", "rename", "fsync", "commit"]


def test_a_restart_does_not_give_a_version_twice(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    upload_of_nothing = Upload("id", "bucket", "other", 0, [])
    for run in range(2):
        storage = Storage(tmp_path, lambda: 0)
        if run == 0:
            loop.run_until_complete(storage.put(K, Content(1, "e", body=b"x"), []))
            loop.run_until_complete(storage.create_upload(upload_of_nothing))
            body = storage.open(K)
            assert body is not None
            copying = storage.put_part_copy(upload_of_nothing, 1, K, body, "e", [])
            loop.run_until_complete(copying)
            body.close()
        else:
            loop.run_until_complete(storage.put(K, Content(1, "e", body=b"y"), []))
            loop.run_until_complete(storage.abort(upload_of_nothing))
            assert loop.run_until_complete(read(storage)) == b"y"
        loop.run_until_complete(storage.close())
    loop.close()
