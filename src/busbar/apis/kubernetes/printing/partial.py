"""An object's metadata alone: PartialObjectMetadata of meta.k8s.io. Next: `tables.py`."""

from __future__ import annotations

from busbar.model.objects import Object, metadata


def partial_object(obj: Object, api_version: str) -> Object:
    """Give the metadata of an object as an object of its own."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": api_version,
        "metadata": metadata(obj),
    }
