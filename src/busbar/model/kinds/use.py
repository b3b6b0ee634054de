"""UseProfile: what a workload used over weeks, summed up. Next: `review.py`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class UseProfileStatus(Part):
    """A row an hour of one Pod of it, and a histogram a container."""

    subject: Annotated[
        dict[str, str], Meta(description="The workload: apiVersion, kind, name.")
    ] = {}
    first_seen: str = ""
    last_seen: str = ""
    samples: Annotated[int, Meta(description="Looks at its Pods, one in 15 s.")] = 0
    runs: Annotated[int, Meta(description="Pods of it that were seen.")] = 0
    latest: Annotated[list[str], Meta(description="The uids of the latest of them.")] = []
    containers: Annotated[
        dict[str, dict[str, Any]],
        Meta(
            description="By name: cpuMilli (95 of 100 of the time less), memoryBytes (peak of 8 "
            "days), cpu (a histogram that halves each day), memory (the peak of each hour)."
        ),
    ] = {}
    hours: Annotated[
        dict[str, list[int]],
        Meta(
            description="By hour since 1970: sum and number of cpu samples in thousandths, their "
            "peak, the peak of memory in bytes; 28 days."
        ),
    ] = {}


USE_PROFILE = OwnKind(
    kind="UseProfile",
    plural="useprofiles",
    singular="useprofile",
    namespaced=True,
    spec=None,
    status=UseProfileStatus,
    columns=(
        PrinterColumn("Kind", ".status.subject.kind"),
        PrinterColumn("Subject", ".status.subject.name"),
        PrinterColumn("Samples", ".status.samples", "integer"),
        PrinterColumn("Runs", ".status.runs", "integer"),
        PrinterColumn("Last Seen", ".status.lastSeen"),
    ),
    description="What a workload's Pods used, by hour, as observed by their nodes.",
    read_only=True,
)
