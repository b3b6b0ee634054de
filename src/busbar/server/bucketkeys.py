"""GET /agent/v1/nodes/NODE/pods/UID/bucket-key: the S3 key of a Pod, for the node that runs it.

Next: `main.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from busbar.model.wellknown import NODE_PREFIX
from busbar.server.access import AccessKeys, Buckets
from busbar.server.podkeys import PREFIX, PodKeys
from busbar.server.replies import reply_json

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
UserOf = Callable[[Any], Awaitable[str]]
"""Gives the user name of who asks; empty for nobody."""


def is_key_path(path: str) -> bool:
    """Say whether a path asks for a Pod's key."""
    return path.startswith("/agent/v1/nodes/") and path.endswith("/bucket-key")


def create_app(
    keys: AccessKeys, pod_keys: PodKeys, buckets: Buckets, user_of: UserOf
) -> Callable[[Any, Receive, Send], Awaitable[None]]:
    """Give the ASGI application."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        status, reply = await _answer(scope["path"], await user_of(scope))
        await reply_json(send, status, reply)

    async def _answer(path: str, user: str) -> tuple[int, dict[str, str]]:
        parts = path.split("/")
        if len(parts) != 8 or parts[5] != "pods":
            return 404, {"reason": "NotFound", "message": "there is no such path"}
        node, uid = parts[4], parts[6]
        if user != NODE_PREFIX + node:
            said = f"only the certificate of node {node[:63]} may ask for keys of its Pods"
            return 403, {"reason": "Forbidden", "message": said}
        pod = keys.pod(uid)
        if pod is None or pod.node != node:
            said = "no such Pod is bound to this node and mounts buckets"
            return 404, {"reason": "PodNotFound", "message": said}
        for name in sorted(pod.buckets):
            if await buckets.get(pod.namespace, name) is None:
                said = f"bucket {name!r} does not exist in namespace {pod.namespace}; make it with "
                said += f"`busbar bucket {name} --create -n {pod.namespace}`"
                return 404, {"reason": "BucketNotFound", "message": said}
        return 200, {"accessKeyId": PREFIX + uid, "secretAccessKey": pod_keys.secret(uid)}

    return app
