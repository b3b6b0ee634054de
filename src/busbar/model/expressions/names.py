"""What attributes are called: short names of well-known ones, and scales of those with an order.

Any label of a node and any attribute of an offer may be asked for by its own name.
Next: `terms.py`.
"""

from __future__ import annotations

import re
from typing import Final

from busbar.model import wellknown as wk

NODE_NAME: Final = "metadata.name"
"""The name of the node itself, as Kubernetes' matchFields call it."""

_FULL: Final = {
    "region": wk.LABEL_REGION,
    "zone": wk.LABEL_ZONE,
    "vendor": wk.LABEL_VENDOR,
    "node": NODE_NAME,
    "isolation": wk.LABEL_ISOLATION,
    "gpuClass": wk.LABEL_GPU_CLASS,
    "bond": wk.LABEL_BOND,
}
_SHORT: Final = {full: short for short, full in _FULL.items()}

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    wk.LABEL_ISOLATION: ("process", "container", "sandbox", "microvm", "machine"),
}
"""Attributes whose values have an order of their own, the weakest first."""

RESERVED: Final = (
    NODE_NAME,
    wk.LABEL_VENDOR,
    wk.LABEL_BOND,
    wk.LABEL_GPU_CLASS,
    wk.LABEL_GPU_PRODUCT,
)
"""What the node decides or the ledger says, and no offer may state of itself, beside all names of
`kubernetes.io`."""

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,315}[A-Za-z0-9])?", re.ASCII)


def full_name(name: str) -> str:
    """Give the name that an attribute is kept under: `region` is a label of Kubernetes."""
    return _FULL.get(name, name)


def short_name(name: str) -> str:
    """Give the name that people read."""
    return _SHORT.get(name, name)


def is_name(name: str) -> bool:
    """Say whether an attribute may be called so."""
    return _NAME.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Say whether only the node, or the ledger, may say this of a node."""
    domain = full_name(name).partition("/")[0]
    return full_name(name) in RESERVED or f".{domain}".endswith((".kubernetes.io", ".k8s.io"))
