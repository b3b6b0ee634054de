"""The door's ASGI application: finds what a path names and streams it from disk.

    GET|HEAD /v2/                          whether this is a registry, and who may ask
    GET|HEAD /v2/_catalog                  all names
    GET|HEAD /v2/NAME/tags/list            tags of a name
    GET|HEAD /v2/NAME/manifests/REFERENCE  a manifest by tag or digest
    GET|HEAD /v2/NAME/blobs/DIGEST         content, whole or a range of it

NAME is the full name of an image (`docker.io/apache/spark`), or what docker makes one of
(`apache/spark`). Whoever is authenticated may read every image: the store holds no tenant's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from busbar.apis.registry.errors import Code, DoorError
from busbar.apis.registry.ranges import parse_range
from busbar.images.reference import DEFAULT_TAG, DIGEST, Reference, parse_door_path, parse_reference
from busbar.images.refusals import ImageError
from busbar.images.store import ImageStore

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Authenticate = Callable[[Scope], object | None]
"""Gives the caller's identity, or None for a stranger."""

CHUNK = 1 << 20
_PATH = re.compile(r"/v2/(?P<name>.{1,255}?)/(?P<kind>manifests|blobs|tags)/(?P<what>[^/]{1,300})")


@dataclass(frozen=True)
class Answer:
    """A reply before it is sent; `file` where the body is on disk."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: Path | None = None
    part: range = range(0)


class RegistryDoor:
    """Serves one image store to callers whom `authenticate` knows."""

    def __init__(self, store: ImageStore, authenticate: Authenticate) -> None:
        self._store = store
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        try:
            answer = self._answer(scope)
        except DoorError as refused:
            answer = _refusal(refused)
        except ImageError as refused:
            answer = _refusal(DoorError(Code.NAME_INVALID, refused.sentence))
        headers = {
            "docker-distribution-api-version": "registry/2.0",
            "content-length": str(len(answer.part) if answer.file else len(answer.body)),
            **answer.headers,
        }
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            }
        )
        if scope["method"] == "HEAD" or answer.file is None:
            body = b"" if scope["method"] == "HEAD" else answer.body
            await send({"type": "http.response.body", "body": body})
        else:
            await _stream(answer.file, answer.part, receive, send)

    def _answer(self, scope: Scope) -> Answer:
        if self._authenticate(scope) is None:
            raise DoorError(Code.UNAUTHORIZED, "Show a client certificate or a token.")
        if scope["method"] not in ("GET", "HEAD"):
            raise DoorError(
                Code.UNSUPPORTED, "This registry is read only: use `busbar image import`."
            )
        path: str = scope["path"]
        if path in ("/v2", "/v2/"):
            return _json({})
        if path == "/v2/_catalog":
            names = {parse_reference(image.name).name for image in self._store.images()}
            return _json({"repositories": sorted(names)})
        match = _PATH.fullmatch(path)
        if match is None:
            raise DoorError(Code.NAME_UNKNOWN, f"{path} is no path of a registry.")
        name, what = match["name"], match["what"]
        if match["kind"] == "tags":
            return self._tags(name, what)
        if match["kind"] == "manifests":
            return self._manifest(_reference(name, what))
        return self._blob(_reference(name, what), _header(scope, b"range"))

    def _tags(self, name: str, what: str) -> Answer:
        full = parse_door_path(name, DEFAULT_TAG).name
        tags = self._store.tags(full)
        if not tags or what != "list":
            raise DoorError(Code.NAME_UNKNOWN, f"{full} is not in the image store.")
        return _json({"name": name, "tags": tags})

    def _manifest(self, reference: Reference) -> Answer:
        descriptor = self._store.find(reference)
        if descriptor is None:
            raise DoorError(Code.MANIFEST_UNKNOWN, f"{reference} is not in the image store.")
        content = self._store.layout.blob(descriptor["digest"]).read_bytes()
        headers = {
            "content-type": descriptor["mediaType"],
            "docker-content-digest": descriptor["digest"],
            "etag": f'"{descriptor["digest"]}"',
        }
        return Answer(headers=headers, body=content)

    def _blob(self, reference: Reference, asked: str | None) -> Answer:
        digest = reference.digest
        if digest is None or digest not in self._store.content(reference.name):
            raise DoorError(Code.BLOB_UNKNOWN, f"{reference} is not in the image store.")
        file = self._store.layout.blob(digest)
        try:
            size = os.stat(file).st_size
        except FileNotFoundError:
            raise DoorError(Code.BLOB_UNKNOWN, f"{reference} has been removed.") from None
        part = parse_range(asked, size)
        headers = {
            "content-type": "application/octet-stream",
            "docker-content-digest": digest,
            "etag": f'"{digest}"',
            "accept-ranges": "bytes",
        }
        if part is None:
            return Answer(headers=headers, file=file, part=range(size))
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        return Answer(status=206, headers=headers, file=file, part=part)


async def _stream(file: Path, part: range, receive: Receive, send: Send) -> None:
    """Send a part of a file a piece at a time; reading happens off the event loop."""
    gone = asyncio.ensure_future(_disconnected(receive))
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for start in range(part.start, part.stop, CHUNK):
            count = min(CHUNK, part.stop - start)
            piece = await asyncio.to_thread(os.pread, descriptor, count, start)
            more = start + count < part.stop
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            if gone.done():
                return
        if not part:
            await send({"type": "http.response.body", "body": b""})
    finally:
        os.close(descriptor)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reference(name: str, what: str) -> Reference:
    if not DIGEST.fullmatch(what) and ("@" in what or ":" in what):
        raise DoorError(Code.DIGEST_INVALID, f"{what} is neither a tag nor a sha256 digest.")
    return parse_door_path(name, what)


def _header(scope: Scope, name: bytes) -> str | None:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def _json(content: dict[str, Any]) -> Answer:
    body = json.dumps(content).encode()
    return Answer(headers={"content-type": "application/json"}, body=body)


def _refusal(refused: DoorError) -> Answer:
    headers = {"content-type": "application/json"}
    if refused.code is Code.UNAUTHORIZED:
        headers["www-authenticate"] = 'Basic realm="busbar"'
    return Answer(status=refused.code.status, headers=headers, body=refused.body())
