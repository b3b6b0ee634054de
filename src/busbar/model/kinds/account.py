"""Account and Bucket: a namespace's money and its storage. Next: `book.py`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.offer import Price


class AccountSpec(Part):
    """Limits that the operator sets."""

    budget: Annotated[
        Price | None, Meta(description="Most that may be spent and held per calendar month (UTC).")
    ] = None
    alert_percent: Annotated[
        list[Annotated[int, Meta(ge=1, le=100)]],
        Meta(max_length=10, description="Parts of the budget that are told; 50, 80, 100 if empty."),
    ] = []


class AccountStatus(Part):
    """The ledger's word on the namespace, in euro."""

    balance: Annotated[str, Meta(description="Available for new contracts.")] = "0"
    held: Annotated[str, Meta(description="Held for open contracts.")] = "0"
    spent_this_month: str = "0"
    budget_left: Annotated[str, Meta(description="Empty without a budget.")] = ""
    alerted_month: Annotated[str, Meta(description="The month of alertedPercent.")] = ""
    alerted_percent: Annotated[
        list[int], Meta(description="Parts of the budget told of in that month.")
    ] = []
    conditions: list[dict[str, str]] = []


class BucketSpec(Part):
    """A bucket has no settings yet."""


class BucketStatus(Part):
    """How the bucket is reached."""

    phase: str = "Ready"
    endpoint: str = ""
    objects: Annotated[int, Meta(description="How many objects it holds, as last counted.")] = 0
    bytes: Annotated[int, Meta(description="How much it holds, as last counted.")] = 0
    region: Annotated[str, Meta(description="Where it is kept.")] = ""
    stored_by: Annotated[str, Meta(description="The vendor who keeps it; empty: none.")] = ""


ACCOUNT = OwnKind(
    kind="Account",
    plural="accounts",
    singular="account",
    namespaced=True,
    spec=AccountSpec,
    status=AccountStatus,
    columns=(
        PrinterColumn("Balance", ".status.balance"),
        PrinterColumn("Held", ".status.held"),
        PrinterColumn("Spent", ".status.spentThisMonth"),
        PrinterColumn("Budget", ".spec.budget"),
    ),
    description="A namespace's balance and budget; the ledger holds the truth.",
)

BUCKET = OwnKind(
    kind="Bucket",
    plural="buckets",
    singular="bucket",
    namespaced=True,
    spec=BucketSpec,
    status=BucketStatus,
    columns=(
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Objects", ".status.objects", "integer"),
        PrinterColumn("Bytes", ".status.bytes", "integer"),
        PrinterColumn("Region", ".status.region"),
    ),
    description="A bucket of the namespace, reached over S3 and mounted into workloads.",
)
