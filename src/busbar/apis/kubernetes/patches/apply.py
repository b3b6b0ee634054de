"""Server-side apply: the applier's manifest becomes what it owns, no more and no less.

What it states is merged into the live object; what it stated last time, no longer states, and
nobody else owns, is removed; what others own with another value is a conflict, unless forced.
Source: structured-merge-diff (merge.Updater) and the API server's managedfields. Next: `writes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson

from busbar.apis.kubernetes.patches import fields as sets
from busbar.apis.kubernetes.patches.compare import compare
from busbar.apis.kubernetes.patches.fields import Fields
from busbar.apis.kubernetes.patches.ownership import (
    APPLY,
    MAX_ENTRIES,
    Manager,
    Managers,
    Owned,
    ownable,
    read_managers,
    write_managers,
    yielded,
)
from busbar.apis.kubernetes.schemas.refusals import Cause, Refusal, bad_request
from busbar.apis.kubernetes.schemas.shapes import ANYTHING, Kind, Shape
from busbar.model.objects import Object, annotations_of, metadata, with_metadata
from busbar.model.time import Instant, format_instant

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL: Final = "kubectl"
MAX_CONFLICTS: Final = 50


class Applied(NamedTuple):
    """The live object after the apply, before defaults; `managers` to be written on it."""

    obj: Object
    managers: Managers


def apply(
    shape: Shape,
    live: Object,
    manifest: Object,
    manager: str,
    now: Instant,
    *,
    force: bool = False,
    subresource: str = "",
    has_status: bool,
) -> Applied | Refusal:
    """Apply a manifest that has been read; for a new object `live` is its type and no more."""
    wrong = list(islice(unkeyed(shape, manifest, ""), 10))
    if wrong:
        return bad_request("failed to create typed patch object: " + "; ".join(wrong))
    who = Manager(manager, APPLY, manifest["apiVersion"], subresource)
    stated = ownable(manifest, subresource, has_status=has_status)
    present = ownable(live, subresource, has_status=has_status)
    managers = read_managers(live)
    if who not in managers and len(managers) >= MAX_ENTRIES:
        why = f"the object already has {MAX_ENTRIES} field managers; apply as one of them"
        return Refusal(422, "Invalid", why)
    mine = sets.fields_of(shape, stated) if stated else None
    merged = merge(shape, present, stated)
    last = managers.get(who)
    if last is not None:
        kept = sets.union(mine, _all_fields(managers, but=who))
        merged = prune(shape, merged, last.fields, kept)
    changed = compare(shape, present, merged)
    if not force:
        found = conflicts(managers, who, changed.written())
        if found and not (manager == _KUBECTL and _from_client_side(shape, live, found)):
            return conflict_refusal(found)
    after = yielded(managers, who, changed)
    after.pop(who, None)
    if mine:
        after[who] = Owned(mine, format_instant(now))
    return Applied(_put_back(live, merged, manifest, manager, subresource), after)


def finish(applied: Applied, obj: Object) -> Object:
    """Write who owns what on the object, once it has been defaulted and validated."""
    return write_managers(obj, applied.managers)


def _all_fields(managers: Managers, *, but: Manager) -> Fields | None:
    everything: Fields | None = None
    for manager, owned in managers.items():
        if manager != but:
            everything = sets.union(everything, owned.fields)
    return everything


def _put_back(
    live: Object, merged: Object, manifest: Object, manager: str, subresource: str
) -> Object:
    """Give the whole object with the merged part in place."""
    if subresource:
        rest = {key: value for key, value in live.items() if key != subresource}
        return {**rest, **merged}
    owned = set(ownable(live, "", has_status=False)) - {"status"}
    rest = {key: value for key, value in live.items() if key not in owned or key in merged}
    obj = {**rest, **{key: value for key, value in merged.items() if key != "metadata"}}
    server = {k: v for k, v in metadata(live).items() if k not in _ownable_meta(live)}
    obj["metadata"] = {**server, **metadata(merged)}
    if manager == _KUBECTL and LAST_APPLIED in annotations_of(live):
        notes = {**annotations_of(obj), LAST_APPLIED: _last_applied(manifest)}
        obj = with_metadata(obj, annotations=notes)
    return obj


def _ownable_meta(obj: Object) -> Iterable[str]:
    return metadata(ownable(obj, "", has_status=False))


def _last_applied(manifest: Object) -> str:
    """Keep kubectl's annotation true, so that going back to client-side apply works."""
    return orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS).decode() + "\n"


def unkeyed(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Say which list items lack their key or share it with another: they cannot be merged."""
    if shape.kind is Kind.LEAF or shape.atomic:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from unkeyed(shape.field(name) or ANYTHING, inner, f"{path}.{name}")
    elif isinstance(value, list):
        seen: set[str] = set()
        for item in value:
            missing = [key for key in shape.keys if sets.key_of(shape, item, key) is None]
            if missing:
                yield f"{path}: an item has no {missing[0]}, by which the list is merged"
            key = sets.element(shape, item)
            if key in seen:
                yield f"{path}: duplicate entries for key {sets.shown(key)}"
            seen.add(key)
            yield from unkeyed(shape.items or ANYTHING, item, path + sets.shown(key))


def merge(shape: Shape, live: Any, stated: Any) -> Any:
    """Put what is stated into what is there."""
    if shape.kind is Kind.LIST and not shape.atomic:
        if isinstance(live, list) and isinstance(stated, list):
            return _merge_lists(shape, live, stated)
        return stated
    if shape.kind is Kind.LEAF or shape.atomic:
        return stated
    if not isinstance(live, dict) or not isinstance(stated, dict):
        return stated
    merged = dict(live)
    for name, value in stated.items():
        inner = shape.field(name) or ANYTHING
        merged[name] = merge(inner, live[name], value) if name in live else value
    return merged


def _merge_lists(shape: Shape, live: list[Any], stated: list[Any]) -> list[Any]:
    """Merge by keys: stated items in their order, the others behind the item they followed."""
    items = shape.items or ANYTHING
    there = {sets.element(shape, item): item for item in live}
    wanted = {sets.element(shape, item): item for item in stated}
    followers: dict[str, list[Any]] = {"": []}
    anchor = ""
    for key, item in there.items():
        if key in wanted:
            anchor = key
            followers[anchor] = []
        else:
            followers[anchor].append(item)
    merged = list(followers[""])
    for key, item in wanted.items():
        merged.append(merge(items, there[key], item) if key in there else item)
        merged.extend(followers.get(key, ()))
    return merged


def prune(shape: Shape, value: Any, last: Fields, kept: Fields | None) -> Any:
    """Remove what was owned and is not in `kept`; what is kept stays with all that leads to it."""
    if shape.kind is Kind.LIST and not shape.atomic and isinstance(value, list):
        return _prune_list(shape, value, last, kept)
    if not isinstance(value, dict) or shape.kind is Kind.LEAF or shape.atomic:
        return value
    pruned = {}
    for name, inner in value.items():
        before, keep = last.get("f:" + name), (kept or {}).get("f:" + name)
        if before is None:
            pruned[name] = inner
        elif keep is not None:
            left = prune(shape.field(name) or ANYTHING, inner, before, keep)
            if left or not inner or sets.has_self(keep):
                pruned[name] = left
    return pruned


def _prune_list(shape: Shape, value: list[Any], last: Fields, kept: Fields | None) -> list[Any]:
    pruned = []
    for item in value:
        key = sets.element(shape, item)
        before, keep = last.get(key), (kept or {}).get(key)
        if before is None:
            pruned.append(item)
        elif keep is not None:
            left = prune(shape.items or ANYTHING, item, before, keep)
            if isinstance(left, dict):
                left = {**{k: item[k] for k in shape.keys if k in item}, **left}
            pruned.append(left)
    return pruned


def conflicts(managers: Managers, who: Manager, written: Fields | None) -> dict[Manager, Fields]:
    """Give, for each other manager, what it owns and this apply would give another value."""
    found = {}
    for manager, owned in managers.items():
        both = sets.intersection(owned.fields, written) if manager != who else None
        if both is not None:
            found[manager] = both
    return found


def _from_client_side(shape: Shape, live: Object, found: dict[Manager, Fields]) -> bool:
    """Say whether all conflicts are with kubectl's own client-side apply, which is moving over."""
    try:
        before = orjson.loads(annotations_of(live).get(LAST_APPLIED, ""))
    except ValueError:
        return False
    if not isinstance(before, dict):
        return False
    allowed = sets.fields_of(shape, before)
    return all(sets.difference(fields, allowed) is None for fields in found.values())


def conflict_refusal(found: dict[Manager, Fields]) -> Refusal:
    """409 in the words that kubectl prints."""
    listed = {manager: list(sets.paths(fields)) for manager, fields in sorted(found.items())}
    count = sum(len(paths) for paths in listed.values())
    causes: list[Cause] = []
    parts = []
    for manager, where in listed.items():
        text = f'"{manager.name}"'
        if manager.subresource:
            text += f' with subresource "{manager.subresource}"'
        text += f" using {manager.api_version}"
        causes += [Cause("FieldManagerConflict", f"conflict with {text}", path) for path in where]
        if len(where) == 1:
            parts.append(f"conflict with {text}: {where[0]}")
        else:
            parts.append(f"conflicts with {text}:\n- " + "\n- ".join(where[:MAX_CONFLICTS]))
    plural = "conflict" if count == 1 else "conflicts"
    message = f"Apply failed with {count} {plural}: " + "\n".join(parts)
    return Refusal(409, "Conflict", message, tuple(causes[:MAX_CONFLICTS]))
