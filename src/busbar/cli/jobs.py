"""`busbar submit`, `logs`: the consumer's side. Next: `money.py`, what it cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console

from busbar.cli.client import Client, Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.model.resources import BY_KIND

FINAL = ("Succeeded", "Failed", "Expired")
_NO_MATCH = frozenset(
    {
        "Unschedulable",
        "InsufficientFunds",
        "BudgetExceeded",
        "DeadlineTooClose",
        "Expired",
    }
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--watch", is_flag=True, help="Wait for the end and say how it goes.")
@namespace_option
@pass_context
def submit(context: Context, /, file: Path, watch: bool, namespace: str | None) -> None:
    """Submit the objects of a manifest; with --watch, wait and exit with the job's outcome."""
    context.in_namespace(namespace)
    jobs = []
    for document in _documents(file):
        path, applied = _apply(context, document)
        click.echo(f"{_shown(applied)} accepted")
        if str(document.get("kind")).lower() == "job" and "batch" not in document["apiVersion"]:
            jobs.append(path)
    if watch:
        for path in jobs:
            follow(context.client, path)


@click.command()
@click.argument("name")
@click.option("-f", "--follow", "follow_log", is_flag=True, help="Go on until it ends.")
@click.option("--tail", type=int, help="Only the last lines.")
@namespace_option
@pass_context
def logs(
    context: Context, /, name: str, follow_log: bool, tail: int | None, namespace: str | None
) -> None:
    """Print what a job wrote: NAME of a Job, or of a Pod."""
    context.in_namespace(namespace)
    client = context.client
    job = client.find(namespaced(context.namespace, "jobs", name))
    pod = str((job or {}).get("status", {}).get("pod") or name)
    if job is not None and not job.get("status", {}).get("pod"):
        message = job.get("status", {}).get("message") or "it has not been matched yet"
        raise CliError(f"job {name} has no log yet: {message}", Exit.NOT_FOUND)
    query = {"follow": "true"} if follow_log else {}
    if tail is not None:
        query["tailLines"] = str(tail)
    path = namespaced(context.namespace, "pods", pod, api="/api/v1") + "/log"
    for piece in client.stream(path, **query):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def follow(client: Client, path: str, console: Console | None = None) -> Json:
    """Wait for a job's end, saying each step; ends the command as the job ended."""
    console = console or Console(stderr=True, highlight=False)
    job = client.get(path)
    seen = ""
    with console.status("waiting for the market …") as spinner:
        while True:
            status = job.get("status") or {}
            seen = _tell(console, status, seen)
            spinner.update(_doing(status))
            if status.get("phase") in FINAL:
                break
            job = _next(client, path, job)
    status = job["status"]
    if status["phase"] == "Succeeded":
        return job
    code = Exit.NO_MATCH if _never_ran(status) else Exit.JOB_FAILED
    name = job["metadata"]["name"]
    raise CliError(f"job {name} {status['phase'].lower()}: {status.get('message')}", code)


def _never_ran(status: Json) -> bool:
    return status.get("reason") in _NO_MATCH or not status.get("startTime")


def _tell(console: Console, status: Json, seen: str) -> str:
    """Print a line when the phase or its reason changed."""
    phase, message = status.get("phase") or "Pending", status.get("message") or ""
    mark = f"{phase}|{message}"
    if mark == seen:
        return seen
    where = f" on {status['node']} of {status['vendor']}" if status.get("node") else ""
    price = f" at {status['pricePerDTU']} €/DTU" if status.get("pricePerDTU") else ""
    console.print(f"  {phase}{where}{price}{': ' + message if message else ''}", markup=False)
    return mark


def _doing(status: Json) -> str:
    phase = status.get("phase") or "Pending"
    return {"Pending": "waiting for the market …", "Running": "running …"}.get(phase, f"{phase} …")


def _next(client: Client, path: str, job: Json) -> Json:
    """Wait for the next change of a job."""
    collection, _, name = path.rpartition("/")
    query = {
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": job["metadata"]["resourceVersion"],
        "timeoutSeconds": "60",
    }
    for event in client.watch(collection, **query):
        if event["type"] in ("ADDED", "MODIFIED"):
            return dict(event["object"])
        if event["type"] == "DELETED":
            raise CliError(f"job {name} was deleted", Exit.NOT_FOUND)
        break
    return client.get(path)


def _apply(context: Context, document: Json) -> tuple[str, Json]:
    resource = BY_KIND.get((str(document.get("apiVersion")), str(document.get("kind"))))
    if resource is None:
        raise CliError(
            f"kind: {document.get('kind')!r} of {document.get('apiVersion')!r} is not served here; "
            "see `kubectl api-resources`",
            Exit.REFUSED,
        )
    meta = document.get("metadata") or {}
    name = meta.get("name")
    if not name:
        raise CliError("metadata.name: is missing; give the object a name", Exit.REFUSED)
    group = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced:
        namespace = str(meta.get("namespace") or context.namespace)
        path = namespaced(namespace, resource.plural, name, api=group)
    else:
        path = f"{group}/{resource.plural}/{name}"
    return path, context.client.apply(path, document)


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        # Timestamps stay text: a manifest's notAfter is the server's to read.
        found = list(yaml.load_all(file.read_text(), Loader=TextTimestamps))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CliError(f"{file} is not YAML: {_first_line(error)}", Exit.USAGE) from None
    documents = [document for document in found if document is not None]
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise CliError(f"{file} holds no Kubernetes object", Exit.USAGE)
    return documents


class TextTimestamps(yaml.SafeLoader):
    """YAML as Kubernetes reads it: there are no timestamps in JSON."""


TextTimestamps.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _shown(obj: Json) -> str:
    return f"{str(obj.get('kind')).lower()} {obj['metadata']['name']}"
