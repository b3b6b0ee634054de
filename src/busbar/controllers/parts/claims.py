"""Owners that select what they own by labels: adoption of orphans, release of strangers.

Source: kubernetes.io, "ReplicaSet", "Non-Template Pod acquisitions". Next: `funds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.parts.writes import update
from busbar.model.labels import selects
from busbar.model.objects import (
    Object,
    controller_of,
    is_deleting,
    labels_of,
    metadata,
    owner_reference,
    spec_of,
    uid_of,
    with_metadata,
)
from busbar.store.contract import Op


class Claimed(NamedTuple):
    """What an owner has, as it will be after `ops`."""

    mine: tuple[Object, ...]
    ops: tuple[Op, ...] = ()


def claim(owner: Object, candidates: Iterable[Object]) -> Claimed:
    """Give what is the owner's: its own that it still selects, and orphans that it selects.

    `mine` has adopted objects as they were read: the adoption is a write of its own, and whoever
    counts them counts them either way. An owner on its way out adopts nothing.
    """
    selector, mine, ops = spec_of(owner).get("selector"), list[Object](), list[Op]()
    for obj in candidates:
        holder = controller_of(obj)
        if holder is not None and holder.get("uid") != uid_of(owner):
            continue
        wanted = selects(selector, labels_of(obj))
        if holder is not None and (wanted or is_deleting(owner)):
            mine.append(obj)
        elif holder is not None:
            ops += update(obj, _released(obj, owner))
        elif wanted and not is_deleting(owner) and not is_deleting(obj):
            mine.append(obj)
            ops += update(obj, adopted(obj, owner))
    return Claimed(tuple(mine), tuple(ops))


def adopted(obj: Object, owner: Object) -> Object:
    """Copy with the owner as its controller."""
    references = metadata(obj).get("ownerReferences") or []
    return with_metadata(obj, ownerReferences=[*references, owner_reference(owner)])


def _released(obj: Object, owner: Object) -> Object:
    references = metadata(obj).get("ownerReferences") or []
    left = [ref for ref in references if ref.get("uid") != uid_of(owner)]
    return with_metadata(obj, ownerReferences=left or None)
