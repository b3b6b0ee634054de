"""What the storage promises: durable, atomic, readers undisturbed, space given back."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage import schema
from busbar.apis.s3.storage.records import Condition, Content, Upload
from busbar.apis.s3.storage.store import POOL_THREADS, DataInUse, IndexMissing, Place, Storage

K = Place("bucket", "key")


def write_blob(storage: Storage, body: bytes) -> Content:
    with storage.blobs.writer() as writer:
        writer.write([body])
        return Content(len(body), "etag-" + str(len(body)), blob=writer.finish())


def settled_files(opened: Any) -> set[str]:
    """Files, after every removal that was queued has run."""
    meeting = threading.Barrier(POOL_THREADS)
    # All threads meet: each has finished what it had before.
    for future in [opened.storage.pool.submit(meeting.wait) for _ in range(POOL_THREADS)]:
        future.result()
    root = opened.storage.blobs.path("00").parent.parent
    return {path.name for path in root.glob("*/*")}


def read(opened: Any, body: Any) -> bytes:
    async def collect() -> bytes:
        return b"".join([piece async for piece in body.stream(0, body.stored.size)])

    return bytes(opened.run(collect()))


def test_an_overwrite_gives_the_old_file_back(opened: Any) -> None:
    storage = opened.storage
    opened.run(storage.put(K, write_blob(storage, b"old"), []))
    second = write_blob(storage, b"newer")
    opened.run(storage.put(K, second, []))
    assert settled_files(opened) == {second.blob}


def test_a_reader_keeps_its_object_through_overwrite_and_delete(opened: Any) -> None:
    storage = opened.storage
    opened.run(storage.put(K, write_blob(storage, b"a" * 2_000_000), []))
    body = storage.open(K)
    opened.run(storage.delete(*K))
    assert len(settled_files(opened)) == 1
    assert read(opened, body) == b"a" * 2_000_000
    body.close()
    assert settled_files(opened) == set()
    assert storage.open(K) is None


def test_a_copy_shares_the_file_and_outlives_the_source(opened: Any) -> None:
    storage = opened.storage
    content = write_blob(storage, b"shared")
    opened.run(storage.put(K, content, [("x-amz-meta-a", "1")]))
    other = Place("elsewhere", "copy")
    opened.run(storage.copy(K, other, lambda found: None, None))
    opened.run(storage.delete(*K))
    assert settled_files(opened) == {content.blob}
    assert storage.find(other).headers == [("x-amz-meta-a", "1")]
    opened.run(storage.delete(*other))
    assert settled_files(opened) == set()


def test_a_refused_write_leaves_no_file(opened: Any) -> None:
    storage = opened.storage
    opened.run(storage.put(K, Content(1, "e", body=b"1"), []))
    with pytest.raises(S3Error):
        opened.run(storage.put(K, write_blob(storage, b"2"), [], Condition(if_none_match="*")))
    assert settled_files(opened) == set()


def test_a_file_without_an_end_vanishes(opened: Any) -> None:
    with opened.storage.blobs.writer() as writer:
        writer.write([b"half"])
    root = opened.storage.blobs.path("00").parent.parent.parent
    assert list((root / "tmp").iterdir()) == []


def test_writes_of_one_batch_are_durable_and_refused_one_by_one(opened: Any) -> None:
    storage = opened.storage

    async def race() -> list[Any]:
        once = Condition(if_none_match="*")
        writes = [storage.put(K, Content(1, str(n), body=b"x"), [], once) for n in range(20)]
        return await asyncio.gather(*writes, return_exceptions=True)

    results = opened.run(race())
    won = [result for result in results if not isinstance(result, Exception)]
    assert len(won) == 1
    assert {refusal.code for refusal in results if isinstance(refusal, S3Error)} == {
        Code.PreconditionFailed
    }
    assert storage.find(K).etag == won[0].etag


def test_one_faulty_change_does_not_fail_its_neighbours(opened: Any) -> None:
    storage = opened.storage

    def faulty(change: Any) -> None:
        change.delete_object(*K)
        raise ValueError("a bug")

    async def both() -> list[Any]:
        return await asyncio.gather(
            storage.put(K, Content(1, "e", body=b"1"), []),
            storage._commit.run(faulty),
            storage.put(Place("bucket", "other"), Content(1, "e", body=b"2"), []),
            return_exceptions=True,
        )

    first, fault, last = opened.run(both())
    assert isinstance(fault, ValueError)
    assert storage.find(K) == first
    assert storage.find(Place("bucket", "other")) == last


def test_a_closed_bucket_takes_nothing_until_it_is_opened_again(opened: Any) -> None:
    storage = opened.storage
    content = Content(1, "e", body=b"1")
    opened.run(storage.put(K, content, []))
    with pytest.raises(S3Error) as refusal:
        opened.run(storage.close_bucket("bucket"))
    assert refusal.value.code is Code.BucketNotEmpty
    opened.run(storage.delete(*K))
    opened.run(storage.close_bucket("bucket"))
    for write in (storage.put(K, content, []), storage.copy(K, K, lambda found: None, [])):
        with pytest.raises(S3Error) as refusal:
            opened.run(write)
        assert refusal.value.code is Code.NoSuchBucket
    storage.reopen_bucket("bucket")
    opened.run(storage.put(K, content, []))


def test_purging_a_bucket_frees_objects_uploads_and_files(opened: Any) -> None:
    storage = opened.storage
    for number in range(5):
        opened.run(storage.put(Place("bucket", f"{number}"), write_blob(storage, b"x"), []))
    keep = write_blob(storage, b"y")
    opened.run(storage.put(Place("other", "k"), keep, []))
    upload = Upload("id", "bucket", "k", 1, [])
    opened.run(storage.create_upload(upload))
    opened.run(storage.put_part(upload, 1, write_blob(storage, b"part"), {}))
    assert opened.run(storage.buckets_with_data()) == ["bucket", "other"]
    opened.run(storage.purge("bucket"))
    assert opened.run(storage.buckets_with_data()) == ["other"]
    assert settled_files(opened) == {keep.blob}


def test_a_part_may_not_mention_a_file_that_was_freed_meanwhile(opened: Any) -> None:
    storage = opened.storage
    opened.run(storage.put(K, write_blob(storage, b"source"), []))
    upload = Upload("id", "bucket", "k", 1, [])
    opened.run(storage.create_upload(upload))
    body = storage.open(K)
    opened.run(storage.delete(*K))
    opened.run(storage.put(K, Content(6, "e", body=b"source"), []))
    with pytest.raises(S3Error) as refusal:
        opened.run(storage.put_part_copy(upload, 1, K, body, "e", body.slice(0, 3)))
    assert refusal.value.code is Code.SlowDown
    body.close()


def test_a_second_process_on_the_same_data_is_refused(opened: Any) -> None:
    root = opened.storage.blobs.path("00").parent.parent.parent
    with pytest.raises(DataInUse) as refusal:
        Storage(root, lambda: 0)
    assert str(root) in str(refusal.value)


def test_files_without_an_index_are_not_swept_away(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    storage = Storage(tmp_path, lambda: 0)
    content = write_blob(storage, b"x" * 10)
    loop.run_until_complete(storage.put(K, content, []))
    loop.run_until_complete(storage.close())
    for file in tmp_path.glob("index.sqlite*"):
        file.rename(tmp_path / f"saved-{file.name}")
    with pytest.raises(IndexMissing) as refusal:
        Storage(tmp_path, lambda: 0)
    assert "restore" in str(refusal.value)
    for file in tmp_path.glob("saved-*"):
        file.rename(tmp_path / file.name.removeprefix("saved-"))
    storage = Storage(tmp_path, lambda: 0)
    assert storage.find(K) is not None
    loop.run_until_complete(storage.close())
    loop.close()


def test_an_older_release_does_not_touch_a_newer_index(tmp_path: Path) -> None:
    db = schema.connect(str(tmp_path / "index.sqlite"))
    schema.migrate(db, 1)
    db.execute("INSERT INTO migrations VALUES (99, 'from the future', 1)")
    with pytest.raises(schema.NewerSchema):
        schema.migrate(db, 2)


def test_too_little_free_space_is_refused_before_the_body(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = os.statvfs("/")
    nearly = os.statvfs_result([free.f_bsize, 4096, 100, 100, 20_000, *free[5:10]])
    monkeypatch.setattr(os, "statvfs", lambda path: nearly)
    opened.storage.blobs.check_free(10_000_000)
    with pytest.raises(S3Error) as refusal:
        opened.storage.blobs.check_free(20_000_000)
    assert refusal.value.code is Code.InsufficientStorage
