"""Volumes of a pod: names, and one source each. Next: `pod.py`."""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
)

_NEEDED = {
    "hostPath": ("path",),
    "configMap": ("name",),
    "secret": ("secretName",),
    "csi": ("driver",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
}


def check_volumes(volumes: list[dict[str, Any]], path: str) -> list[FieldError]:
    """Check volumes that have been defaulted."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = volume.get("name") or ""
        if not name:
            errors.append(required(f"{at}.name"))
        elif wrong := names.wrong_label_name(name):
            errors.append(invalid(f"{at}.name", name, wrong))
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        errors += _source(volume, at)
    return errors


def _source(volume: dict[str, Any], at: str) -> list[FieldError]:
    sources = [key for key in volume if key != "name"]
    if not sources:
        return [required(at, "must specify a volume type")]
    why = "may not specify more than 1 volume type"
    errors = [forbidden(f"{at}.{extra}", why) for extra in sources[1:]]
    kind = sources[0]
    for field in _NEEDED.get(kind, ()):
        if not volume[kind].get(field):
            errors.append(required(f"{at}.{kind}.{field}"))
    mode = volume[kind].get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        why = "must be a number between 0 and 0777 (octal), both inclusive"
        errors.append(invalid(f"{at}.{kind}.defaultMode", mode, why))
    return errors
