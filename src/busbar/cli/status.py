"""`busbar status`: what runs here, at a glance, or how one job stands. Next: `completion.py`."""

from __future__ import annotations

from typing import Any

import click

from busbar.cli import machines, processes
from busbar.cli.attest import evidence
from busbar.cli.client import BUSBAR, Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, emit, hint, output_option, print_table
from busbar.model.errors import InvalidField
from busbar.model.quantities import milli
from busbar.model.requests import EPHEMERAL_STORAGE
from busbar.model.wellknown import LABEL_REGION, LABEL_VENDOR

AUDIT = "/money/v1/audit"
FORBIDDEN, NOT_THERE = 403, 404
_NODES = ("node", "vendor", "region", "evidence", "status", "cpu", "memory", "disk", "speed")


@click.command()
@click.argument("job", required=False)
@output_option
@namespace_option
@pass_context
def status(context: Context, /, job: str | None, output: str, namespace: str | None) -> None:
    """Show the cloud: control plane, nodes, jobs; or one JOB with its reasons.

    Exits as the job stands: 0 running or succeeded, 6 no match, 7 failed.
    """
    context.in_namespace(namespace)
    if job is not None:
        _job(context, job, output)
        return
    pid = processes.running_pid(context.settings.pid_file)
    nodes, jobs = _seen(context)
    audit = _audit(context)
    document = {
        "server": context.client.server,
        "pid": pid,
        "data": str(context.data),
        "agentsHere": {
            n: machines.is_running(context.data, n) for n in machines.names(context.data)
        },
        "ledger": audit,
        "nodes": nodes,
        "jobs": jobs,
    }
    if output != "table":
        emit(output, document, (), [])
        return
    where = f"pid {pid}, data in {context.data}" if pid else "not started from this data directory"
    click.echo(f"cloud at {context.client.server} ({where})\n")
    if audit is not None and not audit["holds"]:
        found = "; ".join(audit["findings"]) or "see the server's log"
        hint(f"THE LEDGER DOES NOT HOLD, no money moves; see `busbar verify-ledger`: {found}\n")
    if nodes is not None:
        print_table(_NODES, _nodes(nodes, context.client.list(f"{BUSBAR}/attestations")))
    if nodes == []:
        hint(
            "no machine has joined: `busbar token --vendor NAME --region REGION`, then busbar join"
        )
    if jobs:
        if nodes is not None:
            click.echo()
        print_table(
            ("namespace", "job", "phase", "reason", "vendor", "€/DTU", "cost €"), _jobs(jobs)
        )


def _audit(context: Context) -> Json | None:
    """Give how the ledger's last audit went; None for whom it is not for."""
    try:
        return context.client.get(AUDIT)
    except CliError as error:
        if error.status in (FORBIDDEN, NOT_THERE):
            return None
        raise


def _seen(context: Context) -> tuple[list[Json] | None, list[Json]]:
    """Give nodes and jobs; a member sees no nodes, and the jobs of one namespace."""
    try:
        return context.client.list("/api/v1/nodes"), context.client.list(f"{BUSBAR}/jobs")
    except CliError as error:
        if error.status != FORBIDDEN:
            raise
        return None, context.client.list(namespaced(context.namespace, "jobs"))


def _job(context: Context, name: str, output: str) -> None:
    found = context.client.get(namespaced(context.namespace, "jobs", name))
    state: dict[str, Any] = found.get("status") or {}
    if output != "table":
        emit(output, found, (), [])
    else:
        for label, value in _lines(name, state):
            click.echo(f"{label + ':':<12}{clean(value)}")
        for clause in state.get("funnel") or ():
            click.echo(f"{'':<12}- {clean(clause)}")
    phase = state.get("phase")
    if phase in ("Failed", "Expired"):
        code = Exit.JOB_FAILED if state.get("startTime") else Exit.NO_MATCH
        raise CliError(f"job {name}: {state.get('message') or state.get('reason')}", code)
    if phase == "Pending" and state.get("reason"):
        raise CliError(f"job {name}: {state.get('message')}", Exit.NO_MATCH)


def _lines(name: str, state: Json) -> list[tuple[str, object]]:
    fields = (
        ("job", name),
        ("phase", state.get("phase")),
        ("reason", state.get("reason")),
        ("message", state.get("message")),
        ("vendor", state.get("vendor")),
        ("node", state.get("node")),
        ("price", f"{state['pricePerDTU']} €/DTU" if state.get("pricePerDTU") else ""),
        ("cost", f"{state['cost']} €" if state.get("cost") else ""),
        ("started", state.get("startTime")),
        ("finished", state.get("completionTime")),
        ("exit code", state.get("exitCode")),
    )
    return [(label, value) for label, value in fields if value not in (None, "")]


def _nodes(items: list[Json], attestations: list[Json]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for item in items:
        labels = item["metadata"].get("labels") or {}
        notes = item["metadata"].get("annotations") or {}
        size = (item.get("status") or {}).get("capacity") or {}
        rating = int(notes.get("busbar.dev/speed-rating-micro") or 0)
        rows.append(
            (
                item["metadata"]["name"],
                labels.get(LABEL_VENDOR),
                labels.get(LABEL_REGION),
                evidence.of_region(item, attestations),
                "Ready" if is_ready(item) else "NotReady",
                _cpus(size.get("cpu")),
                _gib(size.get("memory")),
                _gib(size[EPHEMERAL_STORAGE]) if EPHEMERAL_STORAGE in size else None,
                f"{rating / 1_000_000:.2f}",
            )
        )
    return rows


def is_ready(node: Json) -> bool:
    """Say whether a node has a live lease."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _cpus(value: object) -> str:
    try:
        return f"{milli(str(value or 0), 'cpu') / 1000:g}"
    except InvalidField:
        return str(value)


def _gib(value: object) -> str:
    text = str(value or "0")
    return f"{int(text) / 2**30:.1f} GiB" if text.isdigit() else text


def _jobs(items: list[Json]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for item in items:
        state = item.get("status") or {}
        rows.append(
            (
                item["metadata"]["namespace"],
                item["metadata"]["name"],
                state.get("phase"),
                state.get("reason"),
                state.get("vendor"),
                state.get("pricePerDTU"),
                state.get("cost"),
            )
        )
    return rows
