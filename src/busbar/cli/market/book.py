"""`busbar market [ZONE]`: the published book, the prices ahead, the latest clearings.

Next: `why.py`.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import click

from busbar.cli.client import BUSBAR
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.market.drawing import scaled
from busbar.cli.output import clean, emit, hint, output_option, print_table
from busbar.model.money import format_euro
from busbar.model.time import HOUR, format_instant, parse_instant

_FREE = ("free cpu", "free memory", "free disk")


@click.command(short_help="The book, and the best asks of the next 48 hours.")
@click.argument("zone", required=False)
@click.option("--clearings", metavar="N", type=click.IntRange(1, 200), help="The last N clearings.")
@output_option
@pass_context
def show(context: Context, /, zone: str | None, clearings: int | None, output: str) -> None:
    """Show the order book: who sells, at which price, how much is free, who waits, what is next.

    Below it each zone's best ask over the next 48 hours is drawn; with a ZONE its hours are
    listed, with the free DTU of each price.
    """
    if clearings is not None:
        _clearings(context, clearings, output)
        return
    books = context.client.list(f"{BUSBAR}/books")
    if zone:
        books = _of_zone(books, zone)
    rows = [row for book in books for row in _asks(book.get("status") or {})]
    columns: tuple[str, ...] = ("zone", "offer", "vendor", "€/DTU", "nodes", *_FREE)
    if any(row[-1] for row in rows):
        columns = (*columns, "free GPUs")
    emit(output, books, columns, [row[: len(columns)] for row in rows])
    if output == "table":
        _summary(books)
        _ahead(context, {str((book.get("status") or {}).get("zone")) for book in books}, zone)
        if not rows:
            hint(
                "nothing is for sale: `busbar token --vendor NAME --region REGION` lets a machine "
                "join with `busbar join`, `busbar offer` prices it"
            )


def _of_zone(books: list[dict[str, Any]], zone: str) -> list[dict[str, Any]]:
    zones = [(book.get("status") or {}).get("zone") for book in books]
    if zone not in zones:
        known = ", ".join(sorted(str(name) for name in zones)) or "none yet"
        raise CliError(f"there is no zone {zone}; known: {known}", Exit.NOT_FOUND)
    return [book for book, name in zip(books, zones, strict=True) if name == zone]


def _asks(status: dict[str, Any]) -> list[tuple[object, ...]]:
    asks = sorted(status.get("asks") or (), key=lambda ask: int(ask.get("priceNano") or 0))
    return [
        (
            status.get("zone"),
            ask.get("offer"),
            ask.get("vendor"),
            format_euro(int(ask.get("priceNano") or 0)),
            ask.get("nodes"),
            f"{int(ask.get('freeCpuMilli') or 0) / 1000:g}",
            _gib(ask.get("freeMemoryBytes")),
            _gib(ask.get("freeEphemeralBytes")),
            ", ".join(f"{gpus['free']} {gpus['class'] or '?'}" for gpus in ask.get("gpus") or ()),
        )
        for ask in asks
    ]


def _gib(count: Any) -> str:
    return f"{int(count or 0) / 2**30:.1f} GiB"


def _summary(books: list[dict[str, Any]]) -> None:
    rows = []
    for book in books:
        status = book.get("status") or {}
        rows.append(
            (
                status.get("zone"),
                status.get("bestAsk") or "nothing for sale",
                status.get("lastPrice") or "none yet",
                status.get("freeDTU"),
                len(status.get("bids") or ()),
            )
        )
    if rows:
        click.echo()
        print_table(("zone", "best ask", "last price", "free DTU/h", "orders waiting"), rows)


def _ahead(context: Context, zones: set[str], only: str | None) -> None:
    """Draw the forward curves of zones."""
    for item in context.client.list(f"{BUSBAR}/forwardcurves"):
        curve = item.get("status") or {}
        slots = curve.get("slots") or []
        if curve.get("zone") not in zones or not slots:
            continue
        asks = [slot.get("bestAskNano") for slot in slots]
        known = [ask for ask in asks if ask is not None]
        click.echo()
        click.secho(clean(f"{curve['zone']}: best ask over the next 48 hours, €/DTU"), bold=True)
        if not known:
            click.echo("  nothing is for sale in any of them")
            continue
        for line in scaled(asks, format_euro(max(known)), format_euro(min(known))):
            click.echo(line)
        if only is not None:
            click.echo()
            _hours(slots)


def _hours(slots: list[dict[str, Any]]) -> None:
    """List the hours, those that are alike together."""
    rows = []
    for _, alike in groupby(slots, key=lambda slot: (slot["bestAsk"], slot["levels"])):
        first, *rest = alike
        last = (rest or [first])[-1]
        depth = [f"{level['freeDTU']} at {level['pricePerDTU']}" for level in first["levels"]]
        more = [f"and {len(depth) - 2} more"] if len(depth) > 3 else []
        shown = ", ".join([*depth[: 2 if more else 3], *more]) or "nothing"
        hours = f"{_written(first)} to {_written(last, HOUR)[5:]}"
        rows.append((hours, first["bestAsk"], first["freeDTU"], shown))
    print_table(("hours (UTC)", "best ask", "free DTU/h", "DTU/h at €/DTU"), rows)


def _written(slot: dict[str, Any], later: int = 0) -> str:
    at = parse_instant(slot["start"], "start") + later
    return format_instant(at)[:16].replace("T", " ")


def _clearings(context: Context, count: int, output: str) -> None:
    items = context.client.list(f"{BUSBAR}/clearings")
    items.sort(key=lambda item: int((item.get("status") or {}).get("atMs") or 0))
    items = items[-count:]
    rows = []
    for item in items:
        status = item.get("status") or {}
        prices = ", ".join(f"{z} {p}" for z, p in sorted((status.get("prices") or {}).items()))
        created = item["metadata"].get("creationTimestamp")
        name = item["metadata"]["name"]
        rows.append((name, created, status.get("matched"), status.get("unmatched"), prices))
    emit(output, items, ("clearing", "at", "matched", "unmatched", "€/DTU by zone"), rows)
