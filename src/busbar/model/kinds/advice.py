"""Advice and VendorAdvice: what would be better, with evidence. Next: `use.py`.

All of it is in the status, which the exchange alone writes; whoever it is for may dismiss it.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class AdviceSpec(Part):
    """What its reader says to it."""

    dismissed: Annotated[
        bool, Meta(description="Not wanted: it is not shown, not acted on and not made again.")
    ] = False


class VendorAdviceSpec(AdviceSpec):
    """What its reader says to it, and who that is."""

    vendor: Annotated[str, Meta(description="The Vendor it is for.")] = ""


class AdviceStatus(Part):
    """What, why, what it would save, and what to do."""

    type: Annotated[str, Meta(description="One word of a closed list.")] = ""
    subject: Annotated[
        dict[str, str], Meta(description="What it is about: apiVersion, kind, name.")
    ] = {}
    what: Annotated[str, Meta(description="The advice, in one sentence.")] = ""
    why: Annotated[
        list[dict[str, str]], Meta(description="The evidence it rests on: name and value.")
    ] = []
    saving_per_hour_nano: Annotated[
        str,
        Meta(
            description="Nano-euro an hour that it runs, an integer; negative where it costs more."
        ),
    ] = "0"
    saving_per_month_nano: Annotated[
        str, Meta(description="The same for a month of 730 hours.")
    ] = "0"
    saving: Annotated[str, Meta(description="Of a month, in euro.")] = ""
    since: Annotated[str, Meta(description="Since when this has been so.")] = ""
    expires: Annotated[str, Meta(description="Until when it counts unless seen again.")] = ""
    patch: Annotated[
        dict[str, Any] | None, Meta(description="What `busbar advice apply` merges into it.")
    ] = None
    release: Annotated[
        str, Meta(description="The Pod that is then deleted, so that it is placed anew.")
    ] = ""
    command: Annotated[str, Meta(description="What to do, as a command or in words.")] = ""


_COLUMNS = (
    PrinterColumn("Type", ".status.type"),
    PrinterColumn("Kind", ".status.subject.kind"),
    PrinterColumn("Subject", ".status.subject.name"),
    PrinterColumn("€/Month", ".status.saving"),
    PrinterColumn("Dismissed", ".spec.dismissed", "boolean"),
    PrinterColumn("What", ".status.what", wide=True),
)

ADVICE = OwnKind(
    kind="Advice",
    plural="advices",
    singular="advice",
    namespaced=True,
    spec=AdviceSpec,
    status=AdviceStatus,
    columns=_COLUMNS,
    description="What would be better about something of the namespace, and on what evidence.",
)

VENDOR_ADVICE = OwnKind(
    kind="VendorAdvice",
    plural="vendoradvices",
    singular="vendoradvice",
    namespaced=False,
    spec=VendorAdviceSpec,
    status=AdviceStatus,
    columns=(PrinterColumn("Vendor", ".spec.vendor"), *_COLUMNS),
    description="What would be better about a vendor's supply, and on what evidence.",
)
