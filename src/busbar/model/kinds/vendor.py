"""Vendor: somebody who sells capacity. Next: `offer.py`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class VendorSpec(Part):
    """Who the vendor is."""

    display_name: Annotated[str, Meta(max_length=200, description="Name shown to consumers.")] = ""
    country: Annotated[
        str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2 code of its seat.")
    ] = "SE"
    attributes: Annotated[
        dict[str, str],
        Meta(description="What it states of all that it offers, such as certifications."),
    ] = {}


class NodeReliability(Part):
    """What a node delivered of what was promised."""

    node: str
    reliability: str
    delivered_seconds: int = 0
    promised_seconds: int = 0
    contracts: int = 0
    failures: int = 0


class VendorStatus(Part):
    """What the exchange observes of the vendor."""

    nodes: Annotated[int, Meta(description="Nodes joined.")] = 0
    nodes_ready: Annotated[int, Meta(description="Nodes with a live lease.")] = 0
    balance: Annotated[str, Meta(description="Earned and not paid out, in euro.")] = "0"
    bond: Annotated[
        str, Meta(description="What failed deliveries are charged to, in euro; 0 compensates none.")
    ] = "0"
    reliability: Annotated[
        str, Meta(description="Delivered ÷ promised seconds of the last 35 days; empty: none yet.")
    ] = ""
    delivered_seconds: int = 0
    promised_seconds: int = 0
    contracts: Annotated[int, Meta(description="Contracts counted.")] = 0
    failures: Annotated[int, Meta(description="Of them, deliveries that failed.")] = 0
    node_reliability: Annotated[
        list[NodeReliability], Meta(description="The same by node, the worst first.")
    ] = []


VENDOR = OwnKind(
    kind="Vendor",
    plural="vendors",
    singular="vendor",
    namespaced=False,
    spec=VendorSpec,
    status=VendorStatus,
    columns=(
        PrinterColumn("Country", ".spec.country"),
        PrinterColumn("Nodes", ".status.nodes", "integer"),
        PrinterColumn("Ready", ".status.nodesReady", "integer"),
        PrinterColumn("Reliability", ".status.reliability"),
        PrinterColumn("Failures", ".status.failures", "integer"),
        PrinterColumn("Bond", ".status.bond"),
        PrinterColumn("Balance", ".status.balance"),
        PrinterColumn("Promised-S", ".status.promisedSeconds", "integer", wide=True),
    ),
    description="A supplier of capacity.",
)
