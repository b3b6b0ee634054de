"""What the door writes itself, whatever the caller said: times that others are judged by.

A node's lease is renewed when the exchange heard of it, by the exchange's clock. A node whose clock
is an hour off, or who would like it to be, neither loses its work nor outlives its silence.
Next: `admit.py`.
"""

from __future__ import annotations

from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.authorization import Kind
from busbar.model.objects import Object, namespace_of, spec_of
from busbar.model.time import format_micro_time
from busbar.model.wellknown import NAMESPACE_LEASES


def stamped(change: Change) -> Object:
    """Give the new object with the door's own times in it."""
    new = change.new
    is_lease = change.resource.plural == "leases" and namespace_of(new) == NAMESPACE_LEASES
    if not is_lease or change.role.kind is not Kind.NODE:
        return new
    return {**new, "spec": {**spec_of(new), "renewTime": format_micro_time(change.now)}}
