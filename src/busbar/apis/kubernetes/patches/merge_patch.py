"""JSON Merge Patch (RFC 7386). Changes nothing in place. Next: `strategic.py`."""

from __future__ import annotations

from typing import Any


def merge_patch(document: Any, patch: Any) -> Any:
    """Merge a patch into a document; a null removes, anything but an object replaces.

    Unchanged parts are shared with the document. Depth is bounded by the JSON reader.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
