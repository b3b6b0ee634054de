"""`busbar market history`: what each hour was traded at. Next: `gpus.py`."""

from __future__ import annotations

from typing import Any

import click

from busbar.cli.client import BUSBAR, Json
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.market.drawing import spark
from busbar.cli.output import emit, hint, output_option
from busbar.model.money import format_euro

_PRICES = ("openNano", "highNano", "lowNano", "closeNano")


@click.command(short_help="Open, high, low, close and volume by hour.")
@click.argument("zone", required=False)
@click.option(
    "--hours",
    metavar="N",
    type=click.IntRange(1, 9600),
    default=48,
    show_default=True,
    help="The latest N traded hours of each zone.",
)
@output_option
@pass_context
def history(context: Context, /, zone: str | None, hours: int, output: str) -> None:
    """Show what each hour of delivery was traded at: open, high, low, close, volume.

    An hour may be traded from 48 hours before until it ends. Volume is what clearings sold; hours
    that running work rolled into are not traded.
    """
    days = context.client.list(f"{BUSBAR}/pricehistories")
    zones = _rows(days)
    if zone is not None:
        if zone not in zones:
            known = ", ".join(sorted(zones)) or "none yet"
            raise CliError(
                f"nothing was traded in zone {zone}; zones with trades: {known}", Exit.NOT_FOUND
            )
        zones = {zone: zones[zone]}
    zones = {name: rows[-hours:] for name, rows in sorted(zones.items())}
    data = [{"zone": name, **row} for name, rows in zones.items() for row in rows]
    columns = ("zone", "hour (UTC)", "open", "high", "low", "close", "DTU", "trades")
    if output == "table" and not data:
        hint("nothing has been traded yet")
        return
    emit(output, data, columns, [_line(row) for row in data])
    if output == "table":
        _drawn(zones)
        if any((day.get("status") or {}).get("mayLack") for day in days):
            hint("some clearings may have been dropped before they were counted")


def _rows(days: list[Json]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for day in days:
        status = day.get("status") or {}
        found.setdefault(str(status.get("zone")), []).extend(status.get("rows") or ())
    for rows in found.values():
        rows.sort(key=lambda row: int(row["startMs"]))
    return found


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    prices = [format_euro(row[name]) for name in _PRICES]
    hour = row["start"][:16].replace("T", " ")
    return (row["zone"], hour, *prices, f"{row['volumeMicro'] / 10**6:.3f}", row["trades"])


def _drawn(zones: dict[str, list[dict[str, Any]]]) -> None:
    click.echo()
    for name, rows in zones.items():
        shown = rows[-48:]
        low = format_euro(min(row["lowNano"] for row in shown))
        high = format_euro(max(row["highNano"] for row in shown))
        line = spark([row["closeNano"] for row in shown])
        prices = f"{low} to {high}" if low != high else f"all at {low}"
        click.echo(f"{name}  {line}  close of {len(shown)} hours, {prices} €/DTU")
