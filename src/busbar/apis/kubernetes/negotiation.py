"""What a client wants back: an object, a Table, or metadata alone. Next: `encoding.py`.

Source: "Receiving resources as Tables" and "Partial object metadata" of the Kubernetes API.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

META_GROUP = "meta.k8s.io"


class Form(Enum):
    """In which form objects are written."""

    OBJECT = "object"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"


class Representation(NamedTuple):
    """A form and, for Tables and partial metadata, the version of meta.k8s.io it has."""

    form: Form
    version: str = "v1"

    @property
    def meta_version(self) -> str:
        """Give the apiVersion of a Table or partial metadata."""
        return f"{META_GROUP}/{self.version}"


PLAIN = Representation(Form.OBJECT)
_FORMS = {
    "Table": Form.TABLE,
    "PartialObjectMetadata": Form.PARTIAL,
    "PartialObjectMetadataList": Form.PARTIAL,
}
_JSON = ("application/json", "*/*", "application/*")


class MediaType(NamedTuple):
    """One entry of an Accept header: its type and parameters, without q."""

    name: str
    params: dict[str, str]


@lru_cache(maxsize=512)
def parse_accept(header: str) -> tuple[MediaType, ...]:
    """Give the entries of an Accept header, those the client prefers first."""
    entries: list[tuple[float, MediaType]] = []
    for part in header.split(","):
        name, *raw = (piece.strip() for piece in part.split(";"))
        params = {k.strip(): v.strip() for k, _, v in (piece.partition("=") for piece in raw)}
        weight = _weight(params.pop("q", "1"))
        if name and weight > 0:
            entries.append((weight, MediaType(name.lower(), params)))
    entries.sort(key=lambda entry: -entry[0])
    return tuple(media for _, media in entries)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@lru_cache(maxsize=512)
def representation(header: str) -> Representation | None:
    """Choose how to write an answer to an Accept header; None where nothing fits."""
    if not header:
        return PLAIN
    for media in parse_accept(header):
        if media.name not in _JSON:
            continue
        wanted = media.params.get("as")
        if wanted is None:
            return PLAIN
        form = _FORMS.get(wanted)
        version = media.params.get("v", "v1")
        if form and media.params.get("g") == META_GROUP and version in ("v1", "v1beta1"):
            return Representation(form, version)
    return None
