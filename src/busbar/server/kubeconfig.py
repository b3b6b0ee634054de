"""Kubeconfig files: how kubectl and every client of its kind find the cloud.

Source: kubernetes.io, "Organizing Cluster Access Using kubeconfig Files" (JSON is YAML).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from busbar.server.pki import write_private


def write_kubeconfig(
    path: Path,
    server: str,
    ca_pem: bytes,
    user: str,
    *,
    certificate: bytes = b"",
    key: bytes = b"",
    token: str = "",
    namespace: str = "default",
) -> None:
    """Write a kubeconfig with one context, for a client certificate or a bearer token."""
    credentials: dict[str, str] = {}
    if token:
        credentials["token"] = token
    else:
        credentials["client-certificate-data"] = _base64(certificate)
        credentials["client-key-data"] = _base64(key)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "busbar",
                "cluster": {"server": server, "certificate-authority-data": _base64(ca_pem)},
            }
        ],
        "users": [{"name": user, "user": credentials}],
        "contexts": [
            {
                "name": "busbar",
                "context": {"cluster": "busbar", "user": user, "namespace": namespace},
            }
        ],
        "current-context": "busbar",
    }
    write_private(path, json.dumps(document, indent=2).encode() + b"\n")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
