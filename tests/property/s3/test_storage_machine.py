"""The storage against a dictionary: random changes, readers, crashes; then nothing is left over."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from busbar.apis.s3.errors import S3Error
from busbar.apis.s3.storage.body import Body
from busbar.apis.s3.storage.records import Content, Upload
from busbar.apis.s3.storage.store import Place, Storage
from busbar.apis.s3.storage.uploads import Wanted

PLACES = st.builds(Place, st.sampled_from(["b1", "b2"]), st.sampled_from(["a", "a/b", "ü"]))
BODIES = st.binary(max_size=20)


class StorageMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.objects: dict[Place, bytes] = {}
        self.readers: list[tuple[Body, bytes]] = []
        self.uploads: dict[str, tuple[Upload, dict[int, bytes]]] = {}
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.generation = 0
        self.root = self.folder / "0"
        self.storage = Storage(self.root, lambda: 0)

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def content(self, body: bytes, in_file: bool) -> Content:
        etag = hashlib.md5(body).hexdigest()
        if not in_file:
            return Content(len(body), etag, body=body)
        with self.storage.blobs.writer() as writer:
            writer.write([body])
            return Content(len(body), etag, blob=writer.finish())

    @rule(place=PLACES, body=BODIES, in_file=st.booleans())
    def put(self, place: Place, body: bytes, in_file: bool) -> None:
        self.run(self.storage.put(place, self.content(body, in_file), []))
        self.objects[place] = body

    @rule(place=PLACES)
    def delete(self, place: Place) -> None:
        self.run(self.storage.delete(*place))
        self.objects.pop(place, None)

    @rule(source=PLACES, to=PLACES)
    def copy(self, source: Place, to: Place) -> None:
        try:
            self.run(self.storage.copy(source, to, lambda found: None, []))
        except S3Error:
            assert source not in self.objects
        else:
            self.objects[to] = self.objects[source]

    @rule(place=PLACES)
    def start_upload(self, place: Place) -> None:
        self.count += 1
        upload = Upload(f"u{self.count}", *place, 0, [])
        self.run(self.storage.create_upload(upload))
        self.uploads[upload.id] = (upload, {})

    @rule(body=BODIES, in_file=st.booleans(), number=st.integers(1, 3))
    def put_part(self, body: bytes, in_file: bool, number: int) -> None:
        for upload, parts in self.uploads.values():
            self.run(self.storage.put_part(upload, number, self.content(body, in_file), {}))
            parts[number] = body

    @rule(source=PLACES, start=st.integers(0, 10), length=st.integers(0, 10))
    def copy_part(self, source: Place, start: int, length: int) -> None:
        body = self.storage.open(source)
        if body is None:
            return
        piece = self.objects[source][start : start + length]
        etag = hashlib.md5(piece).hexdigest()
        for upload, parts in self.uploads.values():
            cut = body.slice(start, length)
            self.run(self.storage.put_part_copy(upload, 1, source, body, etag, cut))
            parts[1] = piece
        body.close()

    @rule()
    def complete(self) -> None:
        # One part each: more would need five mebibytes.
        for upload, parts in list(self.uploads.values()):
            if parts:
                number, body = min(parts.items())
                wanted: list[Wanted] = [(number, hashlib.md5(body).hexdigest(), {})]
                self.run(self.storage.complete(upload, wanted))
                self.objects[Place(upload.bucket, upload.key)] = body
                del self.uploads[upload.id]

    @rule()
    def abort(self) -> None:
        for upload, _ in self.uploads.values():
            self.run(self.storage.abort(upload))
        self.uploads.clear()

    @rule(place=PLACES)
    def open_reader(self, place: Place) -> None:
        body = self.storage.open(place)
        assert (body is None) is (place not in self.objects)
        if body is not None:
            self.readers.append((body, self.objects[place]))

    @rule()
    def finish_readers(self) -> None:
        for body, expected in self.readers:
            assert self.read(body) == expected
            body.close()
        self.readers.clear()

    @rule()
    def crash(self) -> None:
        """What a new process would find now is all there is."""
        for body, _ in self.readers:
            body.close()
        self.readers.clear()
        self.generation += 1
        before, now = self.root, self.folder / str(self.generation)
        shutil.copytree(before, now)
        self.run(self.storage.close())
        shutil.rmtree(before)
        (now / "tmp" / "half").write_bytes(b"half")
        self.root = now
        self.storage = Storage(now, lambda: 0)

    def read(self, body: Body) -> bytes:
        async def collect() -> bytes:
            return b"".join([piece async for piece in body.stream(0, body.stored.size)])

        return bytes(self.run(collect()))

    @invariant()
    def what_is_there_is_what_was_put(self) -> None:
        if not hasattr(self, "storage"):
            return
        for bucket in ("b1", "b2"):
            page = self.run(self.storage.list_page(bucket, "", "", "", 1000))
            expected = sorted(place.key for place in self.objects if place.bucket == bucket)
            assert [stored.key for stored in page.objects] == expected
        for place, expected_body in self.objects.items():
            body = self.storage.open(place)
            assert body is not None
            assert self.read(body) == expected_body
            body.close()

    def teardown(self) -> None:
        for body, _ in self.readers:
            body.close()
        self.abort()
        for place in list(self.objects):
            self.delete(place)
        self.run(self.storage.close())
        root = self.storage.blobs.path("00").parent.parent
        assert list(root.glob("*/*")) == []
        self.loop.close()
        shutil.rmtree(self.folder)


TestStorageMachine = StorageMachine.TestCase
TestStorageMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
