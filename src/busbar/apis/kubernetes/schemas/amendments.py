"""The few places where the served schemas say more than the published ones.

Two reasons: a field of the project inside a Kubernetes kind, and the default of a list's key,
which the package's form of the schemas has lost. Next: `shapes.py`.
"""

from __future__ import annotations

from typing import Any

_CORE = "io.k8s.api.core.v1."

BUSBAR_STATUS: dict[str, Any] = {
    "description": "What market and agent observed: why cheaper offers were not eligible; the "
    "contract's epoch, start, end and usage.",
    "type": "object",
    "properties": {
        "epoch": {"type": "integer", "format": "int64"},
        "startedMs": {"type": "integer", "format": "int64"},
        "finishedMs": {"type": "integer", "format": "int64"},
        "observedMs": {"type": "integer", "format": "int64"},
        "cpuMs": {"type": "integer", "format": "int64"},
        "memoryPeakBytes": {"type": "integer", "format": "int64"},
        "funnel": {"type": "array", "items": {"type": "string"}},
    },
}
"""Metering reads this field of a Pod's status; everything else in it is Kubernetes'."""


def amend(definitions: dict[str, dict[str, Any]]) -> None:
    """Add the project's fields, in place."""
    port = definitions.get(_CORE + "ContainerPort")
    if port is not None:
        port["properties"]["protocol"]["default"] = "TCP"
    pod_status = definitions.get(_CORE + "PodStatus")
    if pod_status is not None:
        pod_status["properties"]["busbar"] = BUSBAR_STATUS
