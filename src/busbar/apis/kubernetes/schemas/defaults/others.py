"""Defaults of Namespaces and Secrets. Next: `own.py`."""

from __future__ import annotations

from base64 import b64encode

from busbar.model.objects import Object

_NAME_LABEL = "kubernetes.io/metadata.name"


def default_namespace(obj: Object) -> None:
    """Fill in a Namespace: the label by which it can be selected, and its phase."""
    meta = obj.setdefault("metadata", {})
    name = meta.get("name")
    if name:
        meta.setdefault("labels", {}).setdefault(_NAME_LABEL, name)
    obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("phase", "Active")


def default_secret(obj: Object) -> None:
    """Fill in a Secret: its type, and `stringData` folded into `data`."""
    if not obj.get("type"):
        obj["type"] = "Opaque"
    plain = obj.pop("stringData", None)
    if plain:
        data = obj.setdefault("data", {})
        for key, value in plain.items():
            data[key] = b64encode(value.encode("utf-8", "surrogatepass")).decode()
