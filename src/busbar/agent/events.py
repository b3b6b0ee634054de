"""Events about this node's Pods: what `kubectl describe` shows beside the status.

Worth less than what they tell of: one that cannot be told is let go. Next: `api.py`.
"""

from __future__ import annotations

import contextlib
from typing import Any

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.model.objects import Object, name_of, namespace_of, uid_of
from busbar.model.time import Instant, format_instant

COMPONENT = "busbar-agent"


def event(
    pod: Object, container: str, node: str, reason: str, message: str, now: Instant
) -> Object:
    """Give a warning about one container of a Pod."""
    about: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": namespace_of(pod),
        "name": name_of(pod),
        "uid": uid_of(pod),
        "fieldPath": f"spec.containers{{{container}}}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name_of(pod)[:200]}.{container}.{now:x}",
            "namespace": namespace_of(pod),
        },
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": 1,
        "firstTimestamp": format_instant(now),
        "lastTimestamp": format_instant(now),
        "source": {"component": COMPONENT, "host": node},
        "reportingComponent": COMPONENT,
        "reportingInstance": node,
    }


async def tell(api: Api, told: Object) -> None:
    """Tell the cloud of an Event."""
    with contextlib.suppress(ApiRefused, Unreachable):
        await api.post(f"/api/v1/namespaces/{namespace_of(told)}/events", told)
