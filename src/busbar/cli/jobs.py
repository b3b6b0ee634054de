"""`busbar submit`, `logs`: the consumer's side. Next: `money.py`, what it cost."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from busbar.cli import manifests
from busbar.cli.client import Client, Json, clustered, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, hint
from busbar.market.reasons import Reason
from busbar.model.resources import BY_KIND

FINAL = ("Succeeded", "Failed", "Expired")
_NO_MATCH = frozenset(Reason)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--watch", is_flag=True, help="Wait for the end and say how it goes.")
@namespace_option
@pass_context
def submit(context: Context, /, file: Path, watch: bool, namespace: str | None) -> None:
    """Submit the objects of a manifest; with --watch, wait and exit with the job's outcome."""
    context.in_namespace(namespace)
    jobs = []
    for document in manifests.read(file):
        path, applied = _apply(context, document)
        click.echo(f"{_shown(applied)} accepted")
        if _is_job(document):
            jobs.append(path)
    if watch:
        _follow_all(context.client, jobs)


def _is_job(document: Json) -> bool:
    return document["kind"].lower() == "job" and not document["apiVersion"].startswith("batch/")


def _follow_all(client: Client, paths: list[str]) -> None:
    """Follow job after job; the first that did not succeed decides how the command ends."""
    if not paths:
        hint("nothing to watch here but with `kubectl get --watch`: the manifest has no busbar Job")
    failures = []
    for path in paths:
        try:
            follow(client, path)
        except CliError as error:
            failures.append(error)
            if len(paths) > 1:
                hint(f"  {clean(error.message)}")
    if failures:
        raise failures[0]


@click.command()
@click.argument("name")
@click.option("-f", "--follow", "follow_log", is_flag=True, help="Go on until it ends.")
@click.option("--tail", metavar="N", type=click.IntRange(min=0), help="Only the last lines.")
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
    seen, hinted = "", False
    with console.status("waiting for the market …") as spinner:
        while True:
            status = job.get("status") or {}
            seen = _tell(console, status, seen)
            if not hinted and _is_waiting(status):
                hinted = True
                console.print(f"  {_waiting_hint(job)}", style="dim", markup=False, soft_wrap=True)
            spinner.update(_doing(status))
            if status.get("phase") in FINAL:
                break
            job = _next(client, path, job)
    status = job["status"]
    if status["phase"] == "Succeeded":
        return job
    code = Exit.NO_MATCH if _never_ran(status) else Exit.JOB_FAILED
    name = job["metadata"]["name"]
    raise CliError(f"job {name} {status['phase'].lower()}: {_why(status)}", code)


def _is_waiting(status: Json) -> bool:
    return status.get("phase") in (None, "Pending") and status.get("reason") in _NO_MATCH


def _waiting_hint(job: Json) -> str:
    until = (job.get("spec") or {}).get("notAfter")
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    return (
        f"It goes on waiting for a match{f' until {clean(until)}' if until else ''}; Ctrl-C stops "
        f"watching, not the job: `busbar -n {namespace} status {name}` shows it, "
        "`kubectl delete` ends it."
    )


def _never_ran(status: Json) -> bool:
    return status.get("reason") in _NO_MATCH or not status.get("startTime")


def _why(status: Json) -> str:
    return str(status.get("message") or status.get("reason") or "no reason was given")


def _tell(console: Console, status: Json, seen: str) -> str:
    """Print a line when the phase or its reason changed."""
    phase, message = status.get("phase") or "Pending", status.get("message") or ""
    mark = f"{phase}|{message}"
    if mark == seen:
        return seen
    where = f" on {status['node']} of {status['vendor']}" if status.get("node") else ""
    price = f" at {status['pricePerDTU']} €/DTU" if status.get("pricePerDTU") else ""
    text = f"{phase}{where}{price}{': ' + message if message else ''}"
    console.print(f"  {clean(text)}", markup=False, soft_wrap=True)
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
    version, kind = document["apiVersion"], document["kind"]
    resource = BY_KIND.get((version, kind))
    if resource is None:
        raise CliError(
            f"kind: {kind!r} of {version!r} is not served here; see `kubectl api-resources`",
            Exit.REFUSED,
        )
    meta = document["metadata"]
    group = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced:
        namespace = str(meta.get("namespace") or context.namespace)
        path = namespaced(namespace, resource.plural, meta["name"], api=group)
    else:
        path = clustered(resource.plural, meta["name"], api=group)
    return path, context.client.apply(path, document)


def _shown(obj: Json) -> str:
    return f"{str(obj.get('kind')).lower()} {obj['metadata']['name']}"
