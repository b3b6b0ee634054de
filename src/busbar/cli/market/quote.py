"""`busbar quote FILE`: what a manifest would cost, before submitting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from busbar.cli import manifests
from busbar.cli.client import Json
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.market.drawing import scaled
from busbar.cli.output import clean, emit, hint, output_option
from busbar.market.burden import Delay
from busbar.market.words import LOST
from busbar.model.money import format_euro, parse_euro

_QUOTED = ("Job", "job", "Pod", "Deployment", "ReplicaSet")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@namespace_option
@click.option("--hours", is_flag=True, help="A line for each hour.")
@output_option
@pass_context
def quote(context: Context, /, file: Path, namespace: str | None, hours: bool, output: str) -> None:
    """Say what jobs, services and pods of a manifest would cost: now and in the next 48 hours.

    Nothing is stored or reserved. A quote is what the market would do with the book as it stands,
    were the order alone; other orders may come first. What the namespace holds (`busbar procure`)
    and the order would draw on costs nothing more. kubectl can ask the same: see QuoteReview in
    docs/kubernetes.md.
    """
    context.in_namespace(namespace)
    found = []
    for manifest in manifests.read(file):
        if manifest["kind"] not in _QUOTED:
            hint(f"{manifest['kind']} {manifest['metadata']['name']}: nothing to quote")
            continue
        manifest["metadata"].setdefault("namespace", context.namespace)
        found.append(context.client.post("/market/v1/quotes", manifest))
    if output != "table":
        emit(output, found[0] if len(found) == 1 else found, (), ())
        return
    for number, answer in enumerate(found):
        if number:
            click.echo()
        _tell(answer, hours)
    if not found:
        hint(f"{file} holds no Job, no Deployment and no Pod")


def _tell(answer: Json, every: bool) -> None:
    copies = f"{answer['copies']} pods at once, " if answer["copies"] > 1 else ""
    click.secho(clean(f"{answer['kind']} {answer['namespace']}/{answer['name']}"), bold=True)
    length = answer["duration"] + ("" if answer["durationStated"] else " (not stated)")
    click.echo(
        f"{copies}{answer['drawDTU']} DTU/h for {length}, at most {answer['maxEuroPerDTU']} €/DTU"
    )
    click.echo()
    _start("now", answer["now"])
    best = answer["cheapest"]
    if best is None:
        click.echo("no start in the next 48 hours would place all of it within its terms")
        _with_more(answer)
    elif best["start"] != answer["now"]["start"]:
        _start(_hour(best), best)
        _late(best)
        if not answer["mayWait"]:
            hint("mayWait: true lets the market choose the cheapest hours by itself")
    for one in answer["held"]:
        hint(clean(f"{one['procurement']} is not drawn on: {one['message']}"))
    _enough(answer, best)
    _costs([answer["now"], *answer["hours"]], answer["copies"])
    if every:
        click.echo()
        for start in answer["hours"]:
            _start(_hour(start), start)
    for warning in answer["warnings"]:
        hint(clean(warning))


def _with_more(answer: Json) -> None:
    """Say which cap would do, where it is only the cap."""
    dear = [s for s in (answer["now"], *answer["hours"]) if s["aboveCap"]]
    if dear:
        least = min(dear, key=lambda s: _nano(s["pricePerDTU"]))
        when = "now" if least is answer["now"] else f"from {_hour(least)}"
        click.echo(f"with a cap of {least['pricePerDTU']} €/DTU it would, {when}")


def _hour(start: Json) -> str:
    return str(start["start"])[:16].replace("T", " ")


def _start(when: str, start: Json) -> None:
    if start["cost"] is None:
        click.echo(click.wrap_text(clean(f"{when:<17}{start['message']}"), 78, "", " " * 17))
        return
    where = f"{', '.join(start['vendors'])} in {', '.join(start['zones'])}"
    cost = _short(start["cost"])
    price = f"  at {start['pricePerDTU']} €/DTU" if _nano(start["pricePerDTU"]) else ""
    line = f"{when:<17}{cost} €{price}  {where}"
    if start["aboveCap"]:
        line += "  ABOVE THE CAP"
    click.echo(clean(line))
    for draw in start["draws"]:
        click.echo(click.wrap_text(clean(_draw(draw, start)), 78, " " * 17, " " * 17))
    if start["resold"]:
        click.echo(f"{'':<17}in room that somebody holds and sells again")
    if _nano(start.get("egress") or 0):
        parts = f"{_short(start['compute'])} € compute, {_short(start['egress'])} € moving data"
        click.echo(f"{'':<17}{parts}")
    for loss in start.get("weighed") or ():
        click.echo(click.wrap_text(clean(_loss(loss)), 78, " " * 17, " " * 17))
    if start["reason"] and not start["aboveCap"]:
        click.echo(f"{'':<17}for {start['placed']} of them; the others: {start['reason']}")


def _loss(loss: Json) -> str:
    """Say what was weighed of the place beside what it costs."""
    many = f" ({loss['places']} times)" if loss["places"] > 1 else ""
    lost = f"{loss['longest']} to {LOST[Delay(loss['why'])]}{many}"
    return f"weighed, not billed: {lost}, as {_short(loss['cost'])} €"


def _late(start: Json) -> None:
    """Say what it costs to reserve a later start and not to want it any more when it comes."""
    if _nano(start.get("lateWithdrawal") or 0):
        click.echo(
            f"{'':<17}reserved now and withdrawn as it begins: "
            f"{_short(start['lateWithdrawal'])} €, less before"
        )


def _draw(draw: Json, start: Json) -> str:
    """Say what is drawn on, until when it is paid already, and what follows."""
    many = f"{draw['pods']} of them: " if start["placed"] > 1 else ""
    said = f"{many}draws on {draw['procurement']}, nothing more to pay until {_hour_of(draw)}"
    if _nano(draw["costAfter"]):
        said += f", then {_short(draw['costAfter'])} € as its offer asks then"
    return said + (f"; ends early: {draw['endsEarly']}" if draw["endsEarly"] else "")


def _is_cut(start: Json) -> bool:
    return any(draw["endsEarly"] for draw in start["draws"])


def _hour_of(draw: Json) -> str:
    return str(draw["until"])[:16].replace("T", " ")


def _short(euro: str) -> str:
    """Write an amount with six decimals at most; what would then be nothing, in full."""
    nano = _nano(euro)
    rounded = format_euro(nano, decimals=6).rstrip("0").rstrip(".")
    return rounded if nano >= 1_000 or not nano else euro


def _enough(answer: Json, best: Json | None) -> None:
    now = answer["now"]
    start = now if now["cost"] is not None and not now["aboveCap"] else best
    if start is not None and _nano(start["cost"]) > _nano(answer["available"]):
        hint(
            f"the namespace has {answer['available']} €, and this would hold {start['cost']} €: "
            "pay in before submitting (`busbar account --top-up`)"
        )


def _nano(euro: Any) -> int:
    return parse_euro(str(euro).lstrip("-"), "euro")


def _costs(starts: list[Json], copies: int) -> None:
    """Draw what it costs by starting hour, where all of it would have its place."""
    whole = [s["placed"] == copies and not s["aboveCap"] and not _is_cut(s) for s in starts]
    costs = [_nano(s["cost"]) if had else None for s, had in zip(starts, whole, strict=True)]
    if not any(cost is not None for cost in costs):
        return
    known = [cost for cost in costs if cost is not None]
    by_cost = {_nano(s["cost"]): s["cost"] for s in starts if s["cost"] is not None}
    low, high = _short(by_cost[min(known)]), _short(by_cost[max(known)])
    click.echo("\ncost by starting hour, € (· not to be had)")
    for line in scaled(costs, high, low):
        click.echo(line)
