"""Node leases: until when a node is known to live.

An agent stamps renewTime when it sends a renewal and stops every workload by itself when its own
last accepted renewal is older than the lease's duration. So what the lease says is the latest
time up to which the node is *known* to have lived: the bound of what is billed. Next: `pods.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, spec_of
from busbar.model.time import MINUTE, SECOND, Instant, parse_instant
from busbar.model.wellknown import NAMESPACE_LEASES
from busbar.store.contract import Snapshot

DEFAULT_DURATION_MS = 10 * SECOND
DURATION_MS_MAX = 5 * MINUTE
"""An agent may ask for a longer lease, over a bad line; not for one that never ends."""


class NodeLease(NamedTuple):
    """When a node last proved that it lives, and how long that holds."""

    renewed: Instant
    duration_ms: int

    @property
    def expires(self) -> Instant:
        """Give the first instant at which the node counts as lost."""
        return self.renewed + self.duration_ms


def lease_key(node: str) -> Key:
    """Give the key of a node's lease."""
    return Key("coordination.k8s.io", "leases", NAMESPACE_LEASES, node)


def lease_of(snapshot: Snapshot, node: str, now: Instant) -> NodeLease | None:
    """Give a node's lease, None where it never renewed one."""
    obj = snapshot.get(lease_key(node))
    return read_lease(obj, now) if obj is not None else None


def read_lease(obj: Object, now: Instant) -> NodeLease | None:
    """Read a lease; a renewal from the future counts as one of now."""
    spec = spec_of(obj)
    try:
        renewed = parse_instant(spec.get("renewTime"), "spec.renewTime")
    except InvalidField:
        return None
    seconds = spec.get("leaseDurationSeconds")
    duration = seconds * SECOND if isinstance(seconds, int) else DEFAULT_DURATION_MS
    return NodeLease(min(renewed, now), max(SECOND, min(duration, DURATION_MS_MAX)))
