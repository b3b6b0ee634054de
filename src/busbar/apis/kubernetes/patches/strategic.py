"""Strategic merge patch: a merge patch that knows lists by their merge keys.

Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`,
`$setElementOrder/<field>`. Source: k8s.io/apimachinery/pkg/util/strategicpatch and the API
conventions. Changes nothing in place. Next: `fields.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.apis.kubernetes.patches.json_patch import CannotPatch, same
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
        return _ordered(merged, order, changes, shape.merge_key)
    merged = [item for item in present if not _among(item, gone)]
    for item in changes:
        if not _among(item, merged):
            merged.append(item)
    return _ordered(merged, order, changes, "")


def _keyed(shape: Shape, present: list[Any], changes: list[Any], path: str) -> list[Any]:
    key = shape.merge_key
    items = shape.items or ANYTHING
    if any(isinstance(c, dict) and c.get(DIRECTIVE) == "replace" and len(c) == 1 for c in changes):
        return [_bare(c) for c in changes if not (isinstance(c, dict) and DIRECTIVE in c)]
    merged = present
    for change in changes:
        if not isinstance(change, dict) or key not in change:
            raise CannotPatch(f"{path}: every item needs its merge key {key!r}", invalid=True)
        directive = _directive(change, path)
        at = _find(merged, key, change[key])
        if directive == "delete":
            merged = [item for item in merged if not _has(item, key, change[key])]
        elif at is None:
            merged.append(_object(items, {}, change, path))
        else:
            merged[at] = _object(items, merged[at], change, path)
    return merged


def _find(items: list[Any], key: str, value: Any) -> int | None:
    return next((i for i, item in enumerate(items) if _has(item, key, value)), None)


def _has(item: Any, key: str, value: Any) -> bool:
    return isinstance(item, dict) and key in item and same(item[key], value)


def _among(item: Any, items: list[Any]) -> bool:
    return any(same(item, other) for other in items)


def _ordered(merged: list[Any], order: list[Any] | None, changes: list[Any], key: str) -> list[Any]:
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


def _identity(item: Any, key: str) -> str:
    """Give what tells an item from others, in a form that can be a dict's key."""
    value = item.get(key) if key and isinstance(item, dict) else item
    return f"{type(value).__name__}:{value!r}"[:1000]


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
