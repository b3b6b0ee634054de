"""How well what is said of a vendor is known: claimed, granted when joining, or signed.

`busbar vendor NAME --attributes` and `busbar status` show it. Next: `../supply.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from busbar.cli.client import Client, Json, clustered
from busbar.cli.errors import CliError
from busbar.model.expressions import full_name, short_name
from busbar.model.expressions.attributes import values_of
from busbar.model.wellknown import LABEL_REGION

CLAIMED = "claimed"
GRANTED = "granted at joining"
COLUMNS = ("subject", "attribute", "value", "evidence", "until")


def rows_of(client: Client, vendor: str) -> list[tuple[object, ...]]:
    """Give what is said of a vendor, its offers and its nodes, one row a value and a source."""
    subjects = {f"vendor/{vendor}"}
    found: list[tuple[object, ...]] = []
    known = client.find(clustered("vendors", vendor)) or {}
    found += _claims(f"vendor/{vendor}", (known.get("spec") or {}).get("attributes"))
    for offer in client.list(clustered("offers")):
        if offer["spec"].get("vendor") == vendor:
            subject = f"offer/{offer['metadata']['name']}"
            subjects.add(subject)
            found += _claims(subject, offer["spec"].get("attributes"))
    for node in _nodes(client, vendor):
        subject = f"node/{node['metadata']['name']}"
        subjects.add(subject)
        region = (node["metadata"].get("labels") or {}).get(LABEL_REGION)
        found.append((subject, "region", region, GRANTED, ""))
    found += _signed(client, subjects)
    return sorted(found, key=lambda row: [str(cell) for cell in row])


def _nodes(client: Client, vendor: str) -> list[Json]:
    """Give a vendor's nodes; a consumer sees none, and what is signed of them all the same."""
    try:
        nodes = client.list("/api/v1/nodes")
    except CliError as error:
        if error.status != 403:
            raise
        return []
    key = "busbar.dev/vendor"
    return [n for n in nodes if (n["metadata"].get("labels") or {}).get(key) == vendor]


def _claims(subject: str, stated: Json | None) -> Iterator[tuple[object, ...]]:
    for name, text in (stated or {}).items():
        for value in values_of(str(text)):
            yield subject, short_name(full_name(name)), value, CLAIMED, ""


def _signed(client: Client, subjects: set[str]) -> Iterator[tuple[object, ...]]:
    for item in client.list(clustered("attestations")):
        status = item.get("status") or {}
        if status.get("subject") not in subjects:
            continue
        standing = status.get("standing")
        by = f"signed by {status.get('auditor')}"
        evidence = by if standing == "Valid" else f"{by}, {standing}"
        for name, text in (status.get("attributes") or {}).items():
            for value in values_of(str(text)):
                until = status.get("notAfter")
                yield status["subject"], short_name(name), value, evidence, until


def of_region(node: Json, attestations: list[Json]) -> str:
    """Say how well a node's region is known: by whom it was signed, or that it was granted."""
    labels = node["metadata"].get("labels") or {}
    subjects = {f"node/{node['metadata']['name']}", f"vendor/{labels.get('busbar.dev/vendor')}"}
    signed = sorted(
        str(status.get("auditor"))
        for status in (item.get("status") or {} for item in attestations)
        if status.get("standing") == "Valid"
        and status.get("subject") in subjects
        and labels.get(LABEL_REGION)
        in values_of(str((status.get("attributes") or {}).get(LABEL_REGION, "")))
    )
    return f"signed by {', '.join(dict.fromkeys(signed))}" if signed else "granted"
