"""Strategic merge patch: a merge patch that knows lists by their merge keys.

Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`,
`$setElementOrder/<field>`. Source: k8s.io/apimachinery/pkg/util/strategicpatch and the API
conventions. Changes nothing in place. Next: `fields.py`.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from busbar.apis.kubernetes.patches.json_patch import CannotPatch
from busbar.apis.kubernetes.schemas.shapes import ANYTHING, Kind, Shape

DIRECTIVE: Final = "$patch"
RETAIN_KEYS: Final = "$retainKeys"
DELETE_FROM: Final = "$deleteFromPrimitiveList/"
ORDER: Final = "$setElementOrder/"
_DIRECTIVES: Final = (DIRECTIVE, RETAIN_KEYS, DELETE_FROM, ORDER)
_WORDS: Final = ("replace", "delete", "merge")
MAX_ITEMS: Final = 10_000


def strategic_merge(shape: Shape, document: Any, patch: Any) -> Any:
    """Merge a patch into an object of the shape. Raises `CannotPatch`."""
    if not isinstance(patch, dict):
        raise CannotPatch("a strategic merge patch must be an object", invalid=True)
    return _object(shape, document, patch, "")


def _object(shape: Shape, document: Any, patch: dict[str, Any], path: str) -> Any:
    directive = _directive(patch, path)
    if directive == "replace":
        return _bare({k: v for k, v in patch.items() if k != DIRECTIVE})
    if directive == "delete":
        return {}
    merged: dict[str, Any] = dict(document) if isinstance(document, dict) else {}
    if RETAIN_KEYS in patch:
        merged = _retained(merged, patch, path)
    for field in _touched(patch):
        at = f"{path}.{field}" if path else field
        inner = shape.field(field) or ANYTHING
        if field in patch and patch[field] is None:
            merged.pop(field, None)
        elif inner.kind is Kind.LIST and "merge" in inner.strategy:
            merged[field] = _list(inner, merged.get(field), patch, field, at)
        else:
            _refuse_list_directives(patch, field, at)
            merged[field] = _value(inner, merged.get(field), patch[field], at)
    return merged


def _touched(patch: dict[str, Any]) -> list[str]:
    """Give the fields that a patch is about, directives resolved to theirs."""
    found: dict[str, None] = {}
    for key in patch:
        if key in (DIRECTIVE, RETAIN_KEYS):
            continue
        found[key.removeprefix(DELETE_FROM).removeprefix(ORDER)] = None
    return list(found)


def _value(shape: Shape, old: Any, new: Any, path: str) -> Any:
    if isinstance(new, dict) and "replace" not in shape.strategy:
        return _object(shape, old, new, path)
    return _bare(new)


def _directive(patch: dict[str, Any], path: str) -> str:
    word = patch.get(DIRECTIVE, "merge")
    if word not in _WORDS:
        raise CannotPatch(f"{path}: $patch must be one of {', '.join(_WORDS)}", invalid=True)
    return str(word)


def _retained(document: dict[str, Any], patch: dict[str, Any], path: str) -> dict[str, Any]:
    keep = patch[RETAIN_KEYS]
    if not isinstance(keep, list) or not all(isinstance(key, str) for key in keep):
        raise CannotPatch(f"{path}: $retainKeys must be a list of strings", invalid=True)
    for key, value in patch.items():
        if not key.startswith(_DIRECTIVES) and value is not None and key not in keep:
            raise CannotPatch(f"{path}: $retainKeys does not list the patched {key}", invalid=True)
    return {key: value for key, value in document.items() if key in keep}


def _refuse_list_directives(patch: dict[str, Any], field: str, path: str) -> None:
    """Refuse directives for a list that has no merge strategy; only its order may be stated."""
    if field not in patch:
        raise CannotPatch(f"{path}: is not a list that can be merged", invalid=True)


def _list(shape: Shape, old: Any, patch: dict[str, Any], field: str, path: str) -> list[Any]:
    changes, gone = patch.get(field, []), patch.get(DELETE_FROM + field, [])
    order = patch.get(ORDER + field)
    present = list(old) if isinstance(old, list) else []
    for part in (changes, gone, order if order is not None else []):
        if not isinstance(part, list) or len(part) > MAX_ITEMS:
            raise CannotPatch(f"{path}: must be a list of at most {MAX_ITEMS} items", invalid=True)
    if shape.merge_key:
        merged = _keyed(shape, present, changes, path)
        return _ordered(merged, order, shape.merge_key)
    lost = {_identity(item, "") for item in gone}
    kept = {_identity(item, ""): item for item in present}
    kept.update((_identity(item, ""), item) for item in changes)
    merged = [item for key, item in kept.items() if key not in lost]
    return _ordered(merged, order, "")


def _keyed(shape: Shape, present: list[Any], changes: list[Any], path: str) -> list[Any]:
    key = shape.merge_key
    items = shape.items or ANYTHING
    if any(isinstance(c, dict) and c.get(DIRECTIVE) == "replace" and len(c) == 1 for c in changes):
        return [_bare(c) for c in changes if not (isinstance(c, dict) and DIRECTIVE in c)]
    merged: dict[bytes, list[Any]] = {}
    for item in present:
        merged.setdefault(_identity(item, key), []).append(item)
    for change in changes:
        if not isinstance(change, dict) or key not in change:
            raise CannotPatch(f"{path}: every item needs its merge key {key!r}", invalid=True)
        name = _identity(change, key)
        if _directive(change, path) == "delete":
            merged.pop(name, None)
            continue
        there = merged.setdefault(name, [{}])
        there[0] = _object(items, there[0], change, path)
    return [item for group in merged.values() for item in group]


def _ordered(merged: list[Any], order: list[Any] | None, key: str) -> list[Any]:
    """Order the items named in the patch's order; others keep to their neighbours before them."""
    if order is None:
        return merged
    rank = {_identity(item, key): index for index, item in enumerate(order)}
    named = sorted(
        (item for item in merged if _identity(item, key) in rank),
        key=lambda item: rank[_identity(item, key)],
    )
    result: list[Any] = []
    waiting = iter(named)
    for item in merged:
        result.append(next(waiting) if _identity(item, key) in rank else item)
    return result


def _identity(item: Any, key: str) -> bytes:
    """Give what tells an item from others, in a form that can be a dict's key."""
    value = item.get(key) if key and isinstance(item, dict) else item
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _bare(value: Any) -> Any:
    """Strip directives and nulls from a value that goes in as it is."""
    if isinstance(value, dict):
        return {
            key: _bare(inner)
            for key, inner in value.items()
            if inner is not None and not key.startswith(_DIRECTIVES)
        }
    if isinstance(value, list):
        return [
            _bare(item)
            for item in value
            if not (isinstance(item, dict) and item.get(DIRECTIVE) in ("delete", "replace"))
        ]
    return value
