"""`busbar attest list` and `auditors`: who signs, and what is signed. Next: `evidence.py`."""

from __future__ import annotations

import click

from busbar.cli.client import Json, clustered
from busbar.cli.context import Context, pass_context
from busbar.cli.output import emit, output_option


@click.command()
@output_option
@pass_context
def auditors(context: Context, /, output: str) -> None:
    """List who may sign; whom you believe, your order says in `signedBy`."""
    items = context.client.list(clustered("auditors"))
    rows = [_auditor(item) for item in items]
    emit(output, items, ("name", "display name", "keys", "valid statements"), rows)


def _auditor(item: Json) -> tuple[object, ...]:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    keys = ", ".join(status.get("keys") or ())
    name = item["metadata"]["name"]
    return name, spec.get("displayName"), keys, status.get("attestations", 0)


@click.command("list")
@click.argument("subject", required=False, metavar="[vendor|offer|node/NAME]")
@output_option
@pass_context
def list_attestations(context: Context, /, subject: str | None, output: str) -> None:
    """List what is signed, of one subject or of all, and how it stands."""
    items = context.client.list(clustered("attestations"))
    if subject is not None:
        items = [item for item in items if (item.get("status") or {}).get("subject") == subject]
    rows = [_attestation(item) for item in items]
    columns = ("name", "subject", "attributes", "auditor", "standing", "until")
    emit(output, items, columns, rows)


def _attestation(item: Json) -> tuple[object, ...]:
    status = item.get("status") or {}
    said = status.get("attributes") or {}
    attributes = ", ".join(f"{name}={value}" for name, value in sorted(said.items()))
    return (
        item["metadata"]["name"],
        status.get("subject"),
        attributes,
        status.get("auditor"),
        status.get("standing"),
        status.get("notAfter"),
    )
