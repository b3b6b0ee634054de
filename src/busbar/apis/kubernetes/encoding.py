"""Objects to bytes, once: an object's JSON is kept and shared by get, list and every watcher.

Stored objects never change in place, so (uid, resourceVersion) names the bytes. Next:
`printing/`, which makes Tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from busbar.model.objects import Object
from busbar.model.resources import Resource

dumps = orjson.dumps


def is_alias(resource: Resource) -> bool:
    """Say whether a resource serves objects that are stored under another kind."""
    return resource.group != resource.stored_group or resource.kind != resource.stored_kind


def to_served(resource: Resource, obj: Object) -> Object:
    """Give a stored object under the names of the resource it is asked for by."""
    if not is_alias(resource):
        return obj
    return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}


def to_stored(resource: Resource, obj: Object) -> Object:
    """Give an object as it is stored, whatever alias it came under."""
    if not is_alias(resource):
        return obj
    return {**obj, "apiVersion": resource.stored_api_version, "kind": resource.stored_kind}


class Encoder:
    """Writes stored objects as JSON and keeps the bytes of the latest ones, within a limit."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: dict[tuple[str, str], bytes] = {}

    def stored(self, obj: Object) -> bytes:
        """Write a stored object."""
        meta = obj["metadata"]
        key = (meta.get("uid"), meta.get("resourceVersion"))
        found = self._kept.get(key)
        if found is not None:
            return found
        written = dumps(obj)
        if key[0] and key[1]:
            self._keep(key, written)
        return written

    def served(self, resource: Resource, obj: Object) -> bytes:
        """Write a stored object under the names of a resource."""
        return dumps(to_served(resource, obj)) if is_alias(resource) else self.stored(obj)

    def _keep(self, key: tuple[str, str], written: bytes) -> None:
        self._kept[key] = written
        self._bytes += len(written)
        while self._bytes > self._bytes_max and self._kept:
            oldest = next(iter(self._kept))
            self._bytes -= len(self._kept.pop(oldest))


def list_bytes(
    kind: str, api_version: str, meta: dict[str, Any], items: Iterable[bytes], member: str = "items"
) -> bytes:
    """Join written items to a list."""
    head = dumps({"kind": kind, "apiVersion": api_version, "metadata": meta})[:-1]
    return b"".join((head, b',"', member.encode(), b'":[', b",".join(items), b"]}"))


def list_meta(revision: int, proceed: str = "", remaining: int | None = None) -> dict[str, Any]:
    """Give the metadata of a list."""
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if proceed:
        meta["continue"] = proceed
        if remaining is not None:
            meta["remainingItemCount"] = remaining
    return meta
