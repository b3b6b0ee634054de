"""What the door holds to, whatever the caller said: times that others are judged by, ends.

A node's lease is renewed when the exchange heard of it, by the exchange's clock. A node whose clock
is an hour off, or who would like it to be, neither loses its work nor outlives its silence.

A Pod's last phase is final: what a node says of it after it was given up there, late or repeated,
changes nothing, and neither does a report under an older epoch. Next: `admit.py`.
"""

from __future__ import annotations

from typing import Final

from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.authorization import Kind
from busbar.model.objects import Object, namespace_of, spec_of, status_of
from busbar.model.time import format_micro_time
from busbar.model.wellknown import NAMESPACE_LEASES

_FINAL: Final = ("Succeeded", "Failed")


def stamped(change: Change) -> Object:
    """Give the new object with the door's own times in it."""
    new = change.new
    if change.role.kind is not Kind.NODE:
        return new
    if change.resource.plural == "leases" and namespace_of(new) == NAMESPACE_LEASES:
        return {**new, "spec": {**spec_of(new), "renewTime": format_micro_time(change.now)}}
    if change.resource.collection == ("", "pods") and change.old is not None:
        return new if _is_news(change.old, new) else {**new, "status": status_of(change.old)}
    return new


def _is_news(old: Object, new: Object) -> bool:
    """Say whether a node's report on a Pod may still change it."""
    return status_of(old).get("phase") not in _FINAL and _epoch(new) >= _epoch(old)


def _epoch(pod: Object) -> int:
    said = (status_of(pod).get("busbar") or {}).get("epoch")
    return said if isinstance(said, int) else 0
