"""Gangs: orders that start together, in one zone, or not at all.

A Pod says to which gang it belongs and how many members there must be, in this project's words or
in those of Kubernetes' coscheduling plugin and of Kueue. A driver that needs places for Pods it
will make is a gang with them, see `places.py`. In the clearing a gang has an opaque name, as groups
of company have. Next: `market/gathering.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from busbar.model import wellknown as wk
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Object,
    annotations_of,
    controller_of,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    uid_of,
)

_NOTHING: Final[Mapping[str, str]] = {}

SIZE_MAX = 1000
"""Most members of a gang: a clearing tries to place them all at once."""


class Gang(NamedTuple):
    """To which gang an order belongs, and how many members it needs.

    `there` counts members who have a place already, or have done their work; `zones` is where the
    places are.
    """

    name: str
    size: int
    there: int = 0
    zones: tuple[str, ...] = ()


def gang_name(pod: Object) -> str | None:
    """Give the opaque name of a Pod's gang, None for most."""
    said = metadata(pod)
    notes, labels = said.get("annotations") or _NOTHING, said.get("labels") or _NOTHING
    name = notes.get(wk.ANN_GANG) or labels.get(wk.LABEL_POD_GROUP)
    name = name or labels.get(wk.LABEL_KUEUE_GROUP)
    if not name and wk.ANN_GANG_SIZE not in notes and wk.ANN_GANG_PLACES not in notes:
        return None
    key = ("named", str(name)) if name else ("owned", _owner(pod))
    if not name and wk.ANN_GANG_SIZE not in notes:
        key = ("driver", uid_of(pod) or name_of(pod))
    return hashlib.blake2b(repr((namespace_of(pod), *key)).encode(), digest_size=8).hexdigest()


def gang_of(pod: Object) -> Gang | None:
    """Read the gang that a Pod belongs to; `InvalidField` where it does not say how large it is."""
    name = gang_name(pod)
    if name is None:
        return None
    notes, labels = annotations_of(pod), labels_of(pod)
    if wk.ANN_GANG_SIZE in notes:
        size = read_size(notes[wk.ANN_GANG_SIZE], f"metadata.annotations[{wk.ANN_GANG_SIZE}]")
        if wk.ANN_GANG not in notes and not labels.keys() & GROUP_LABELS and not _owner(pod):
            why = f"needs the name of the gang in metadata.annotations[{wk.ANN_GANG}]"
            raise InvalidField(f"metadata.annotations[{wk.ANN_GANG_SIZE}]", why)
        return Gang(name, size)
    if wk.ANN_KUEUE_COUNT in notes:
        path = f"metadata.annotations[{wk.ANN_KUEUE_COUNT}]"
        return Gang(name, read_size(notes[wk.ANN_KUEUE_COUNT], path))
    if wk.ANN_GANG not in notes and not labels.keys() & GROUP_LABELS:
        return Gang(name, 1)
    why = "must say how many members the gang has"
    raise InvalidField(f"metadata.annotations[{wk.ANN_GANG_SIZE}]", why)


GROUP_LABELS = frozenset({wk.LABEL_POD_GROUP, wk.LABEL_KUEUE_GROUP})


def read_size(value: object, path: str) -> int:
    """Read the size of a gang."""
    text = value if isinstance(value, str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= SIZE_MAX):
        raise InvalidField(path, f'must be a whole number from 1 to {SIZE_MAX}, such as "3"')
    return int(text)


def _owner(pod: Object) -> str:
    return str((controller_of(pod) or {}).get("uid") or "")
