"""Names of what is remembered, and the order that they give it."""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Object, metadata

Name = tuple[str, str]
"""Namespace and name."""


def full_name(obj: Object) -> Name:
    """Give the namespace and name of an object; "" for what it has not."""
    meta = metadata(obj)
    return meta.get("namespace") or "", meta.get("name") or ""


def first(entry: tuple[Name, Any]) -> Name:
    """Order entries of a table by name."""
    return entry[0]
