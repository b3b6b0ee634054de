"""Deleting as the API does: at once where nothing holds the object, else by asking.

A bound Pod is asked to end; its agent confirms. Next: `../pods.py`.
"""

from __future__ import annotations

from busbar.model.objects import Object, is_deleting, metadata, spec_of, with_metadata
from busbar.model.time import SECOND, Instant, format_instant
from busbar.store.contract import Op

from .pods import is_final, node_of
from .writes import remove, update


def delete(obj: Object, now: Instant, *, grace_ms: int = 0) -> tuple[Op, ...]:
    """Ask for an object's deletion; nothing where it is already being deleted."""
    if is_deleting(obj):
        return ()
    if not metadata(obj).get("finalizers") and not grace_ms:
        return (remove(obj),)
    asked = with_metadata(
        obj,
        deletionTimestamp=format_instant(now + grace_ms),
        deletionGracePeriodSeconds=grace_ms // SECOND,
    )
    return update(obj, asked)


def delete_pod(pod: Object, now: Instant, default_grace_ms: int) -> tuple[Op, ...]:
    """Ask a Pod to end; one that runs nowhere goes at once."""
    if not node_of(pod) or is_final(pod):
        return delete(pod, now)
    asked = spec_of(pod).get("terminationGracePeriodSeconds")
    grace = asked * SECOND if isinstance(asked, int) else default_grace_ms
    return delete(pod, now, grace_ms=max(SECOND, grace))


def drop_finalizer(obj: Object, finalizer: str) -> Object | None:
    """Copy without a finalizer; None where the object then goes."""
    left = [name for name in metadata(obj).get("finalizers") or () if name != finalizer]
    if is_deleting(obj) and not left:
        return None
    return with_metadata(obj, finalizers=left or None)


def release(obj: Object, finalizer: str) -> tuple[Op, ...]:
    """Take a finalizer off, and remove the object where that was the last thing holding it."""
    if finalizer not in (metadata(obj).get("finalizers") or ()):
        return ()
    freed = drop_finalizer(obj, finalizer)
    return (remove(obj),) if freed is None else update(obj, freed)
