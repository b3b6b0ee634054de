"""Who owns which field: `metadata.managedFields`, kept through creates and updates.

Every write by way of this door is tracked; what controllers write by themselves has no owner,
so nobody's apply conflicts with it. At most `MAX_UPDATERS` entries of plain updates are kept, the
oldest are merged. Source: k8s.io/apimachinery/pkg/util/managedfields. Next: `apply.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes.patches import fields as sets
from busbar.apis.kubernetes.patches.compare import Comparison, compare
from busbar.apis.kubernetes.patches.fields import Fields
from busbar.apis.kubernetes.schemas.shapes import Shape
from busbar.model.objects import Object, metadata, with_metadata
from busbar.model.time import Instant, format_instant

APPLY: Final = "Apply"
UPDATE: Final = "Update"
MAX_UPDATERS: Final = 10
MAX_ENTRIES: Final = 60
"""Appliers and updaters of one object together; an apply by one more is refused."""
MAX_READ: Final = 120
"""A client that writes managedFields itself may write so many entries."""
ANCIENT: Final = "ancient-changes"
MAX_MANAGER: Final = 128

_STRIPPED_META: Final = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    }
)
"""Fields that are the server's and never owned."""


class Manager(NamedTuple):
    """Who wrote: two entries with the same manager are one."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


class Owned(NamedTuple):
    """What a manager owns, and when it last took something (RFC 3339; "" unknown)."""

    fields: Fields
    time: str = ""


Managers = dict[Manager, Owned]


def ownable(obj: Object, subresource: str, *, has_status: bool) -> Object:
    """Give the part of an object that a write at this endpoint can own."""
    if subresource:
        return {subresource: obj[subresource]} if subresource in obj else {}
    meta = {k: v for k, v in metadata(obj).items() if k not in _STRIPPED_META}
    skipped = ("apiVersion", "kind", "metadata", "status" if has_status else "")
    rest = {k: v for k, v in obj.items() if k not in skipped}
    return {"metadata": meta, **rest} if meta else rest


def read_managers(obj: Object, *, trusted: bool = True) -> Managers:
    """Read managedFields. From a client they are not `trusted`: what is none is left out."""
    managers: Managers = {}
    for entry in (metadata(obj).get("managedFields") or ())[:MAX_READ]:
        fields = entry.get("fieldsV1") if trusted else sets.parse(entry.get("fieldsV1"))
        operation = entry.get("operation")
        if not fields or operation not in (APPLY, UPDATE):
            continue
        manager = Manager(
            entry.get("manager") or "unknown",
            operation,
            entry.get("apiVersion") or "",
            entry.get("subresource") or "",
        )
        managers[manager] = Owned(fields, entry.get("time") or "")
    return managers


def write_managers(obj: Object, managers: Managers) -> Object:
    """Copy an object with its managedFields written anew, in their fixed order."""
    entries = [_entry(manager, owned) for manager, owned in managers.items()]
    entries.sort(key=lambda e: (e["operation"], e.get("time", ""), e["manager"], e["apiVersion"]))
    return with_metadata(obj, managedFields=entries or None)


def _entry(manager: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned.fields,
    }
    if owned.time:
        entry["time"] = owned.time
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def owned_at_first(shape: Shape, obj: Object, *, has_status: bool) -> Fields:
    """Give what the creator of an object owns: everything it sent, defaults included."""
    return sets.fields_of(shape, ownable(obj, "", has_status=has_status))


def track_create(obj: Object, fields: Fields, manager: str, now: Instant) -> Object:
    """Make the creator own these fields."""
    if not fields:
        return with_metadata(obj, managedFields=None)
    who = Manager(manager, UPDATE, obj["apiVersion"])
    return with_metadata(obj, managedFields=[_entry(who, Owned(fields, format_instant(now)))])


def track_update(
    shape: Shape,
    old: Object,
    new: Object,
    manager: str,
    now: Instant,
    *,
    subresource: str = "",
    has_status: bool,
) -> Object:
    """Move what changed to whoever changed it. The new object says who owned the rest before."""
    changed = compare(
        shape,
        ownable(old, subresource, has_status=has_status),
        ownable(new, subresource, has_status=has_status),
    )
    stored, sent = metadata(old).get("managedFields"), metadata(new).get("managedFields")
    rewritten = bool(sent) and sent != stored
    if changed.is_empty() and not rewritten:
        return with_metadata(new, managedFields=stored)
    managers = read_managers(new, trusted=False) if rewritten else read_managers(old)
    if changed.is_empty():
        return write_managers(new, managers)
    who = Manager(manager, UPDATE, new["apiVersion"], subresource)
    after = yielded(managers, who, changed)
    before = managers.get(who)
    kept = sets.difference(before.fields, changed.removed) if before is not None else None
    mine = sets.union(kept, changed.written())
    after.pop(who, None)
    if mine:
        took = changed.written() is not None
        time = format_instant(now) if took or before is None else before.time
        after[who] = Owned(mine, time)
    return write_managers(new, capped(after))


def yielded(managers: Mapping[Manager, Owned], who: Manager, changed: Comparison) -> Managers:
    """Take from all others what `who` wrote, and from everybody what is gone."""
    lost = sets.union(changed.written(), changed.removed)
    after: Managers = {}
    for manager, owned in managers.items():
        left = owned.fields if manager == who else sets.difference(owned.fields, lost)
        if left:
            after[manager] = Owned(left, owned.time)
    return after


def capped(managers: Managers) -> Managers:
    """Merge the oldest updaters into one entry where there are too many."""
    updaters = sorted(
        (m for m in managers if m.operation == UPDATE), key=lambda m: (managers[m].time, m)
    )
    after = dict(managers)
    for manager in updaters[: max(0, len(updaters) - MAX_UPDATERS)]:
        oldest = after.pop(manager)
        ancient = Manager(ANCIENT, UPDATE, manager.api_version, manager.subresource)
        before = after.get(ancient)
        fields = sets.union(before.fields if before else None, oldest.fields)
        after[ancient] = Owned(fields or {}, max(oldest.time, before.time if before else ""))
    return after
