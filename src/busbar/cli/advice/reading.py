"""`busbar advice list` and `show`. Next: `doing.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from busbar.cli.client import BUSBAR, Json, clustered, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, emit, hint, output_option, print_table

_COLUMNS = ("name", "type", "subject", "€/month", "since", "what")


def vendor_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--vendor` to a command."""
    return click.option("--vendor", "of_vendor", is_flag=True, help="A vendor's advice.")(command)


def place_of(context: Context, name: str, *, of_vendor: bool) -> str:
    """Give the path of an Advice or a VendorAdvice."""
    if of_vendor:
        return clustered("vendoradvices", name)
    return namespaced(context.namespace, "advices", name)


def named(context: Context, name: str, *, of_vendor: bool) -> Json:
    """Give one piece of advice, or end the command."""
    found = context.client.find(place_of(context, name, of_vendor=of_vendor))
    if found is None:
        where = "for vendors" if of_vendor else f"in namespace {context.namespace}"
        said = f"there is no advice {name} {where}; `busbar advice` lists it"
        raise CliError(said, Exit.NOT_FOUND)
    return found


@click.command(name="list", short_help="What would be better.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@click.option("--dismissed", is_flag=True, help="What was dismissed too.")
@vendor_option
@output_option
@namespace_option
@pass_context
def list_advice(
    context: Context,
    /,
    all_namespaces: bool,
    dismissed: bool,
    of_vendor: bool,
    output: str,
    namespace: str | None,
) -> None:
    """List the advice there is, what saves most first."""
    context.in_namespace(namespace)
    if of_vendor or all_namespaces:
        path = f"{BUSBAR}/{'vendoradvices' if of_vendor else 'advices'}"
    else:
        context.require_namespace()
        path = namespaced(context.namespace, "advices")
    found = [one for one in context.client.list(path) if dismissed or not _is_dismissed(one)]
    found.sort(key=lambda one: -int(_status(one).get("savingPerHourNano") or 0))
    emit(output, found, _COLUMNS, [_row(one, all_namespaces) for one in found])
    if output == "table" and not found:
        hint("there is no advice: nothing is known to be better")


def _row(advice: Json, with_namespace: bool) -> tuple[object, ...]:
    status, meta = _status(advice), advice["metadata"]
    subject = status.get("subject") or {}
    name = f"{meta.get('namespace')}/{meta['name']}" if with_namespace else meta["name"]
    about = f"{subject.get('kind')}/{subject.get('name')}"
    saving = status.get("saving") or ""
    return name, status.get("type"), about, saving, status.get("since"), status.get("what")


@click.command(short_help="One piece of advice with its evidence.")
@click.argument("name")
@vendor_option
@output_option
@namespace_option
@pass_context
def show(
    context: Context, /, name: str, of_vendor: bool, output: str, namespace: str | None
) -> None:
    """Show one piece of advice: what, why, since when, and what to do."""
    context.in_namespace(namespace)
    found = named(context, name, of_vendor=of_vendor)
    if output != "table":
        emit(output, found, (), ())
        return
    status = _status(found)
    click.secho(clean(status.get("what") or ""), bold=True)
    click.echo(f"\n{clean(status.get('saving') or '0')} € a month, since {status.get('since')}\n")
    print_table(("evidence", "value"), [(e["name"], e["value"]) for e in status.get("why") or ()])
    click.echo("\nWhat to do:")
    if status.get("patch"):
        click.echo(f"  busbar advice apply {found['metadata']['name']}")
    click.echo(f"  {clean(status.get('command') or '')}")


def _status(advice: Json) -> Json:
    found: Json = advice.get("status") or {}
    return found


def _is_dismissed(advice: Json) -> bool:
    return bool((advice.get("spec") or {}).get("dismissed"))
