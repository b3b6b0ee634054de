"""`busbar advice apply`, `dismiss` and `revert`: with the caller's own rights, as a patch.

Next: `../credentials.py`.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import click

from busbar.cli.advice.reading import named, place_of, vendor_option
from busbar.cli.client import Json
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import hint
from busbar.model.resources import BY_KIND, RESOURCES, Resource
from busbar.model.wellknown import ANN_ACT, ANN_ADVISED_FROM


@click.command(short_help="Do what a piece of advice says.")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and change nothing.")
@vendor_option
@namespace_option
@pass_context
def apply(
    context: Context, /, name: str, dry_run: bool, of_vendor: bool, namespace: str | None
) -> None:
    """Do what a piece of advice says, where a patch is enough; else say what is to be done."""
    context.in_namespace(namespace)
    status: Json = named(context, name, of_vendor=of_vendor).get("status") or {}
    patch, subject = status.get("patch"), status.get("subject") or {}
    if not patch:
        said = f"this cannot be done by a patch; {status.get('command')}"
        raise CliError(said, Exit.REFUSED)
    if dry_run:
        click.echo(json.dumps(patch, indent=2))
        return
    resource = BY_KIND.get((str(subject.get("apiVersion")), str(subject.get("kind"))))
    if resource is None:
        raise CliError(f"{subject.get('kind')} is no kind that is known here", Exit.REFUSED)
    context.client.merge(_path(context, resource, str(subject["name"])), patch)
    if release := status.get("release"):
        pods = BY_KIND["v1", "Pod"]
        context.client.delete(_path(context, pods, str(release)))
    hint(f"{subject['kind']} {subject['name']} is changed; what runs already keeps what it has")


@click.command(short_help="Say that advice is not wanted.")
@click.argument("name")
@vendor_option
@namespace_option
@pass_context
def dismiss(context: Context, /, name: str, of_vendor: bool, namespace: str | None) -> None:
    """Say that a piece of advice is not wanted: it is not shown, acted on or made again."""
    context.in_namespace(namespace)
    named(context, name, of_vendor=of_vendor)
    place = place_of(context, name, of_vendor=of_vendor)
    context.client.merge(place, {"spec": {"dismissed": True}})
    hint(f"advice {name} is dismissed for as long as it would be given")


@click.command(short_help="Take back what was done by itself.")
@click.argument("kind")
@click.argument("name")
@namespace_option
@pass_context
def revert(context: Context, /, kind: str, name: str, namespace: str | None) -> None:
    """Give a workload back what it had before advice was acted on by itself, and keep it so."""
    context.in_namespace(namespace)
    path, note = _acted_on(context, kind, name)
    try:
        before: dict[str, Any] = dict(json.loads(note)["before"])
    except (ValueError, KeyError, TypeError):
        said = f"metadata.annotations[{ANN_ADVISED_FROM}] of {kind} {name} cannot be read"
        raise CliError(f"{said}; change it back by hand", Exit.REFUSED) from None
    notes = {"annotations": {ANN_ADVISED_FROM: None, ANN_ACT: "none"}}
    context.client.merge(path, {**before, "metadata": notes})
    hint(f"{kind} {name} is as it was, and nothing is done to it by itself any more")


def _acted_on(context: Context, kind: str, name: str) -> tuple[str, str]:
    """Find a workload by its kind's name, and what was noted when advice changed it."""
    served = [one for one in RESOURCES if _is_called(one, kind) and one.namespaced]
    if not served:
        raise CliError(f"{kind} is no kind of workload; such as Job or Deployment", Exit.USAGE)
    for resource in served:
        path = _path(context, resource, name)
        found = context.client.find(path)
        note = ((found or {}).get("metadata", {}).get("annotations") or {}).get(ANN_ADVISED_FROM)
        if note:
            return path, str(note)
    said = f"nothing was done by itself to {kind} {name} in namespace {context.namespace}"
    raise CliError(said, Exit.NOT_FOUND)


def _is_called(resource: Resource, kind: str) -> bool:
    called = (resource.kind, resource.plural, f"{resource.plural}.{resource.group}")
    return kind.lower() in {name.lower() for name in called}


def _path(context: Context, resource: Resource, name: str) -> str:
    base = f"/apis/{resource.group}" if resource.group else "/api"
    home = f"/namespaces/{quote(context.namespace, safe='')}" if resource.namespaced else ""
    return f"{base}/{resource.version}{home}/{resource.plural}/{quote(name, safe='')}"
