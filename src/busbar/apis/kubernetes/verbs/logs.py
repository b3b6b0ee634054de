"""GET of pods/log: a container's output, through the relay to its node. Next: `reviews.py`."""

from __future__ import annotations

import asyncio
from typing import Any

from busbar.apis.kubernetes.calls import Call
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.ports import LogRequest, LogStream, LogsUnavailable, Receive
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.statuses import RefusedRequest, bad_request
from busbar.apis.kubernetes.verbs.shared import fetch
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Object,
    annotations_of,
    condition,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from busbar.model.time import SECOND, format_instant, parse_instant

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_REASONS = {400: "BadRequest", 404: "NotFound", 503: "ServiceUnavailable"}


async def logs(door: Door, call: Call) -> None:
    """Stream a container's log."""
    pod = await fetch(door, call)
    request = _request(call, pod, door.clock())
    node = spec_of(pod).get("nodeName")
    if not node:
        raise bad_request(_waiting(pod, request.container))
    try:
        stream = await door.logs.open(node, request)
    except LogsUnavailable as error:
        reason = _REASONS.get(error.code, "ServiceUnavailable")
        refusal = Refusal(error.code, reason, error.message)
        raise RefusedRequest(refusal, kind="pods", name=name_of(pod)) from None
    await _copy(call, stream, request.limit_bytes)


def _waiting(pod: Object, container: str) -> str:
    why = (condition(pod, "PodScheduled") or {}).get("message") or "no contract yet"
    return f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {why}'


def _request(call: Call, pod: Object, now: int) -> LogRequest:
    seconds, since = call.number("sinceSeconds"), call.query.get("sinceTime") or None
    if seconds is not None and since is not None:
        raise bad_request("at most one of sinceTime and sinceSeconds may be given")
    if seconds is not None:
        since = format_instant(max(0, now - _at_least(1, seconds, "sinceSeconds") * SECOND))
    elif since is not None:
        try:
            parse_instant(since, "sinceTime")
        except InvalidField as error:
            raise bad_request(str(error)) from None
    return LogRequest(
        namespace_of(pod),
        name_of(pod),
        uid_of(pod),
        _container(pod, call.query.get("container", "")),
        call.flag("follow"),
        _at_least(0, call.number("tailLines"), "tailLines"),
        since,
        call.flag("timestamps"),
        call.flag("previous"),
        _at_least(1, call.number("limitBytes"), "limitBytes"),
    )


def _at_least(least: int, value: Any, name: str) -> Any:
    if value is not None and not least <= value < 2**31:
        raise bad_request(f"{name}: must be between {least} and {2**31 - 1}")
    return value


def _container(pod: Object, wanted: str) -> str:
    spec = spec_of(pod)
    main = [str(one["name"]) for one in spec.get("containers") or ()]
    others = [str(one["name"]) for one in spec.get("initContainers") or ()]
    wanted = wanted or annotations_of(pod).get(DEFAULT_CONTAINER, "")
    if wanted:
        if wanted not in main + others:
            raise bad_request(f"container {wanted[:63]} is not valid for pod {name_of(pod)}")
        return wanted
    if len(main) != 1:
        choices = " ".join(main)
        message = f"a container name must be specified for pod {name_of(pod)}"
        raise bad_request(f"{message}, choose one of: [{choices}]")
    return main[0]


async def _copy(call: Call, stream: LogStream, limit: int | None) -> None:
    """Write a stream out as it comes; the client's leaving ends it at its source."""
    hangup = asyncio.get_running_loop().create_task(_until_gone(call.receive))
    current = asyncio.current_task()
    assert current is not None, "a handler runs in a task"
    hangup.add_done_callback(lambda task: None if task.cancelled() else current.cancel())
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    try:
        await call.send({"type": "http.response.start", "status": 200, "headers": headers})
        await call.send({"type": "http.response.body", "body": b"", "more_body": True})
        left = limit
        async for piece in stream:
            kept = piece if left is None else piece[:left]
            await call.send({"type": "http.response.body", "body": kept, "more_body": True})
            if left is not None:
                left -= len(kept)
                if left <= 0:
                    break
    except asyncio.CancelledError:
        if not hangup.done():
            raise
        return
    finally:
        stream.close()
        hangup.cancel()
    await call.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
