"""`busbar market why NS/NAME`: the funnel of an order, and what would have matched.

Next: `history.py`.
"""

from __future__ import annotations

import shutil
from urllib.parse import quote

import click

from busbar.cli.client import Json
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, emit, hint, output_option, print_table


@click.command(short_help="Why an order waits, and what would have matched.")
@click.argument("order", metavar="[NS/]NAME")
@output_option
@pass_context
def why(context: Context, /, order: str, output: str) -> None:
    """Say why a job or pod waits, and what would have matched: which cap, time or place.

    kubectl can ask the same: see OrderReview in docs/kubernetes.md.
    """
    namespace, _, name = order.rpartition("/")
    namespace = namespace or context.namespace
    if not name or "/" in namespace:
        raise CliError(f"{order!r} names no order; write NAMESPACE/NAME", Exit.USAGE)
    safe_namespace, safe_name = quote(namespace, safe=""), quote(name, safe="")
    found = context.client.get(f"/market/v1/namespaces/{safe_namespace}/orders/{safe_name}")
    if output != "table":
        emit(output, found, (), ())
        return
    for number, answer in enumerate(found["orders"]):
        if number:
            click.echo()
        _tell(answer)
    if found["more"]:
        hint(f"and {found['more']} more pods of {name}")


def _tell(answer: Json) -> None:
    reason = f" ({answer['reason']})" if answer["reason"] else ""
    click.secho(clean(f"{answer['pod']}: {answer['state']}{reason}"), bold=True)
    _paragraph(answer["message"])
    contract = answer["contract"]
    if contract:
        place = f"{contract['vendor']} in {contract['zone']}, node {contract['node']}"
        _paragraph(f"{place}, {_terms(contract)}")
        _list("Cheaper offers it passed over", answer["funnel"])
        return
    _list("Where the nodes went", answer["funnel"])
    held = [f"{one['procurement']}: {one['message']}" for one in answer["held"]]
    _list("What the namespace holds, and why it does not draw on it", held)
    _alternatives(answer)


def _alternatives(answer: Json) -> None:
    found = answer["alternatives"]
    if found:
        click.echo("\nWhat would have matched:")
        rows = [(f"  {f['advice']}", _price(f), f"{f['vendor']}, {f['zone']}") for f in found]
        print_table(("  change", "price", "where"), rows)
    elif answer.get("asItIs"):
        _as_it_is(answer["asItIs"])
    elif answer["state"] == "Waiting":
        click.echo("\nNo other cap, time, place or size would match: only more supply.")


def _terms(contract: Json) -> str:
    """Say what a contract costs; of one that draws, until when nothing more."""
    if not contract["reservation"]:
        resold = ", in room that somebody sells again" if contract["resold"] else ""
        return f"at {contract['pricePerDTU']} €/DTU from {contract['start']}{resold}"
    paid = f"nothing more to pay until {contract['paidUntil']}"
    since = contract["priceSince"]
    return f"draws on {contract['reservation']}: {paid}" + (since and f", then {since} €/DTU")


def _price(place: Json) -> str:
    if place["reservation"]:
        return f"draws on {place['reservation']}"
    return f"{place['pricePerDTU']} €/DTU" + (" (sold again)" if place["resold"] else "")


def _as_it_is(place: Json) -> None:
    click.echo()
    if place["reservation"]:
        click.echo(clean(f"As it is it draws on {place['reservation']}: nothing more to pay"))
        return
    where = f"{place['vendor']} in {place['zone']} at {_price(place)}"
    _paragraph(f"As it is there is a place for it: {where}, {place['cost']} € to hold")


def _list(title: str, clauses: list[str]) -> None:
    if clauses:
        click.echo(f"\n{title}:")
        for clause in clauses:
            _paragraph(clause, indent="  ")


def _paragraph(text: str, indent: str = "") -> None:
    width = max(40, min(shutil.get_terminal_size((80, 24)).columns, 100))
    click.echo(click.wrap_text(clean(text), width, indent, indent))
