"""GET of a collection with `watch`: every change, in order, as it happens. Next: `logs.py`.

Where it starts: without resourceVersion, or at "0", with what is there now and then the changes;
at N with the changes after N; with sendInitialEvents with what is there now, the bookmark that
says so, and then the changes. Too old a start is told as an ERROR event 410.
An object that comes into the view of the selectors is ADDED, one that leaves it is DELETED.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.calls import JSON, Call
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.negotiation import Form, Representation
from busbar.apis.kubernetes.ports import Receive
from busbar.apis.kubernetes.printing.partial import partial_object
from busbar.apis.kubernetes.printing.tables import TableWriter
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.selectors import Predicate
from busbar.apis.kubernetes.statuses import RefusedRequest, bad_request, expired, too_many_watches
from busbar.apis.kubernetes.verbs.list import parse_revision, predicate, too_new
from busbar.apis.kubernetes.watchers import Watcher
from busbar.model.objects import Object, metadata, with_metadata
from busbar.model.resources import Resource
from busbar.model.time import SECOND
from busbar.store.contract import Compacted, Event, EventType, Watch

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_PIECE_BYTES = 256 * 1024


class Start(NamedTuple):
    """Where a watch begins: with what is there now?, after which revision (None: the latest)."""

    with_present: bool
    after: int | None
    marks_end: bool


async def watch(door: Door, call: Call) -> None:
    """Stream the changes of a collection until the client or a limit ends it."""
    limit = door.settings.watches_per_user_max
    if door.watchers.held_by(call.identity.user) >= limit:
        raise too_many_watches(limit)
    view, start = predicate(call), _start(call)
    frames = Frames(door, call.route.resource, call.representation(), call)
    seconds = call.number("timeoutSeconds") or door.settings.watch_seconds_max
    seconds = min(max(seconds, 1), door.settings.watch_seconds_max)
    present: tuple[Object, ...] = ()
    collection, namespace = call.route.resource.collection, call.route.namespace or None
    try:
        if start.with_present:
            page = await door.store.list(*collection, namespace, where=view)
            present, after = page.items, page.revision
        else:
            after = await door.store.revision() if start.after is None else start.after
            latest = await door.store.revision()
            if after > latest:
                raise RefusedRequest(too_new(after, latest))
        source = door.store.watch(*collection, namespace, after=after)
    except Compacted as error:
        await _begin(call)
        await _finish(call, error_frame(expired(f"too old resource version: {error}")))
        return
    now = door.clock()
    watcher = Watcher(call.identity.user, call.send, source, now, now + seconds * SECOND)
    watcher.revision = after
    if call.flag("allowWatchBookmarks"):
        watcher.bookmark = frames.bookmark
    first = [frames.event(EventType.ADDED, obj) for obj in present]
    if start.marks_end and watcher.bookmark is not None:
        first.append(frames.bookmark(after, ended=True))
    await _begin(call)
    await _run(door, call, watcher, source, first, frames, view)


def _start(call: Call) -> Start:
    version, match = call.query.get("resourceVersion", ""), call.query.get("resourceVersionMatch")
    initial = call.query.get("sendInitialEvents")
    revision = parse_revision(version) if version else 0
    if initial is None:
        if match:
            raise bad_request("resourceVersionMatch is forbidden for watch")
        return Start(revision == 0, revision or None, False)
    if match != "NotOlderThan":
        raise bad_request("sendInitialEvents needs resourceVersionMatch=NotOlderThan")
    if call.flag("sendInitialEvents"):
        return Start(True, None, True)
    return Start(False, revision or None, False)


async def _begin(call: Call) -> None:
    headers = [(b"content-type", JSON), (b"cache-control", b"no-cache, private")]
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    # The client waits for the head: it must not wait for the first event.
    await call.send({"type": "http.response.body", "body": b"", "more_body": True})


async def _finish(call: Call, last: bytes = b"") -> None:
    await call.send({"type": "http.response.body", "body": last, "more_body": False})


async def _run(
    door: Door,
    call: Call,
    watcher: Watcher,
    source: Watch,
    first: list[bytes],
    frames: Frames,
    view: Predicate | None,
) -> None:
    """Pump until the source ends, the client hangs up, or the heartbeat cuts it off."""
    loop = asyncio.get_running_loop()
    watcher.task = asyncio.current_task()
    hangup = loop.create_task(_until_gone(call.receive))
    hangup.add_done_callback(lambda _: source.close())
    door.watchers.add(watcher)
    last = b""
    try:
        for piece in _pieces(first):
            await watcher.write(piece, door.clock())
        async for batch in source:
            written = frames.batch(batch, view)
            watcher.revision = batch[-1].revision
            for piece in _pieces(written):
                await watcher.write(piece, door.clock())
    except Compacted as error:
        last = error_frame(expired(f"too old resource version: {error}"))
    except asyncio.CancelledError:
        if watcher.blocked_since is None:
            raise
        # The heartbeat cut it off: the connection breaks, which is all this client can notice.
        return
    finally:
        door.watchers.remove(watcher)
        source.close()
        hangup.cancel()
    await _finish(call, last)


def _pieces(frames: list[bytes]) -> Iterable[bytes]:
    """Join frames to few writes, none of them huge."""
    if len(frames) == 1:
        yield frames[0]
        return
    joined: list[bytes] = []
    size = 0
    for frame in frames:
        joined.append(frame)
        size += len(frame)
        if size > _PIECE_BYTES:
            yield b"".join(joined)
            joined, size = [], 0
    if joined:
        yield b"".join(joined)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Seen(NamedTuple):
    """What an event is to somebody with a view.

    `is_stored`: the object is as the store has it; `body` is then its JSON, where it is at hand.
    """

    type: EventType
    obj: Object
    is_stored: bool = True
    body: bytes = b""


def seen_as(event: Event, view: Predicate | None) -> Seen | None:
    """Give what an event is to somebody with a view; None where it is nothing."""
    if view is None:
        return Seen(event.type, event.obj, body=event.body)
    if event.type is EventType.ADDED:
        return Seen(EventType.ADDED, event.obj, body=event.body) if view(event.obj) else None
    if event.type is EventType.DELETED:
        before = event.previous if event.previous is not None else event.obj
        return Seen(EventType.DELETED, event.obj) if view(before) else None
    was = event.previous is not None and view(event.previous)
    if view(event.obj):
        kind = EventType.MODIFIED if was else EventType.ADDED
        return Seen(kind, event.obj, body=event.body)
    if was and event.previous is not None:
        # As it was last seen, at the revision at which it left: that is where to resume.
        version = metadata(event.obj)["resourceVersion"]
        last = with_metadata(event.previous, resourceVersion=version)
        return Seen(EventType.DELETED, last, is_stored=False)
    return None


_OPENINGS = {kind: b'{"type":"' + kind.value.encode() + b'","object":' for kind in EventType}


def error_frame(refusal: Refusal) -> bytes:
    """Write the event that tells why a watch ends."""
    return encoding.dumps({"type": "ERROR", "object": refusal.status()}) + b"\n"


class Frames:
    """Writes events in the form that a client asked for."""

    def __init__(self, door: Door, resource: Resource, wanted: Representation, call: Call) -> None:
        self._resource = resource
        self._wanted = wanted
        self._sends_stored = wanted.form is Form.OBJECT and not encoding.is_alias(resource)
        self._write = self._writer(door, wanted, call)

    def _writer(self, door: Door, wanted: Representation, call: Call) -> Callable[[Object], bytes]:
        resource = self._resource
        if wanted.form is Form.TABLE:
            include = call.query.get("includeObject", "Metadata")
            return TableWriter(door, resource, wanted, include).one
        if wanted.form is Form.PARTIAL:
            version = wanted.meta_version
            return lambda obj: encoding.dumps(partial_object(obj, version))
        if encoding.is_alias(resource):
            return lambda obj: door.encoder.served(resource, obj)
        return door.encoder.stored

    def event(self, kind: EventType, obj: Object) -> bytes:
        """Write one event."""
        return b"".join((_OPENINGS[kind], self._write(obj), b"}\n"))

    def batch(self, batch: tuple[Event, ...], view: Predicate | None) -> list[bytes]:
        """Write those events of a batch that can be seen."""
        seen = (seen_as(event, view) for event in batch)
        return [self._seen(one) for one in seen if one is not None]

    def _seen(self, seen: Seen) -> bytes:
        if seen.body and self._sends_stored:
            return b"".join((_OPENINGS[seen.type], seen.body, b"}\n"))
        if seen.is_stored or self._wanted.form is not Form.OBJECT:
            return self.event(seen.type, seen.obj)
        written = encoding.dumps(encoding.to_served(self._resource, seen.obj))
        return b"".join((_OPENINGS[seen.type], written, b"}\n"))

    def bookmark(self, revision: int, *, ended: bool = False) -> bytes:
        """Write a bookmark: everything up to a revision has been sent."""
        meta: dict[str, Any] = {"resourceVersion": str(revision)}
        if ended:
            meta["annotations"] = {INITIAL_EVENTS_END: "true"}
        kind, version = self._resource.kind, self._resource.api_version
        if self._wanted.form is Form.PARTIAL:
            kind, version = Form.PARTIAL.value, self._wanted.meta_version
        obj: Object = {"kind": kind, "apiVersion": version, "metadata": meta}
        if self._wanted.form is Form.TABLE:
            row = {"cells": [], "object": obj}
            table = {"kind": "Table", "apiVersion": self._wanted.meta_version}
            obj = {**table, "metadata": meta, "columnDefinitions": [], "rows": [row]}
        return encoding.dumps({"type": "BOOKMARK", "object": obj}) + b"\n"
