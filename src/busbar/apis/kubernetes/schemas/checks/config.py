"""ConfigMap and Secret: keys, sizes, immutability.

Source: k8s.io/kubernetes/pkg/apis/core/validation (ValidateConfigMap, ValidateSecret).
Next: `containers.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    forbidden,
    invalid,
    required,
    too_long,
)
from busbar.model.objects import Object

MAX_BYTES: Final = 1024 * 1024
_BORING = re.compile(r"[A-Za-z0-9_-][-._a-zA-Z0-9]{0,252}\Z")
_NEEDED: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def check_config_map(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a ConfigMap."""
    data: dict[str, str] = obj.get("data") or {}
    binary: dict[str, str] = obj.get("binaryData") or {}
    errors = [*_keys("data", data), *_keys("binaryData", binary)]
    for key in data:
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    size = sum(len(value.encode()) for value in data.values())
    if size + _decoded_bytes(binary) > MAX_BYTES:
        errors.append(too_long("", MAX_BYTES))
    return errors + _immutable(obj, old, ("data", "binaryData"))


def check_secret(obj: Object, old: Object | None) -> list[FieldError]:
    """Check a Secret; `stringData` has been folded into `data` by the defaults."""
    data: dict[str, str] = obj.get("data") or {}
    errors = _keys("data", data)
    if _decoded_bytes(data) > MAX_BYTES:
        errors.append(too_long("data", MAX_BYTES))
    for key in _NEEDED.get(obj.get("type") or "", ()):
        if key not in data:
            errors.append(required(f"data[{key}]"))
    if old is not None and obj.get("type") != old.get("type"):
        errors.append(invalid("type", obj.get("type"), "field is immutable"))
    return errors + _immutable(obj, old, ("data",))


def _keys(field: str, data: dict[str, Any]) -> list[FieldError]:
    return [
        invalid(f"{field}[{key[:80]}]", key, names.wrong_config_key(key))
        for key in data
        if not _BORING.match(key) and names.wrong_config_key(key)
    ]


def _decoded_bytes(data: dict[str, str]) -> int:
    return sum(len(value) // 4 * 3 - value[-2:].count("=") for value in data.values())


def _immutable(obj: Object, old: Object | None, fields: tuple[str, ...]) -> list[FieldError]:
    if old is None or not old.get("immutable"):
        return []
    why = "field is immutable when `immutable` is set"
    errors = [forbidden(f, why) for f in fields if (obj.get(f) or {}) != (old.get(f) or {})]
    if not obj.get("immutable"):
        errors.append(forbidden("immutable", why))
    return errors
