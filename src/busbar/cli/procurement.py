"""`busbar procure`: capacity that a namespace keeps, whether it runs anything or not.

Next: `receipts.py`, what it cost.
"""

from __future__ import annotations

from typing import Any

import click

from busbar.cli.client import Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, hint, output_option
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro
from busbar.model.quantities import format_bytes
from busbar.model.standing_orders import read_standing_order
from busbar.model.time import format_instant
from busbar.model.wellknown import API_VERSION

_LIST = ("name", "phase", "units", "now", "hours held", "missing", "committed €", "reason")
_HOURS = ("from", "until", "vendor", "node", "cpu", "memory", "disk", "€/DTU", "billed €", "state")
_FIELDS = (
    ("units", "units"),
    ("dtu_per_hour", "dtuPerHour"),
    ("max_euro_per_dtu", "maxEuroPerDTU"),
    ("not_before", "notBefore"),
    ("term", "term"),
    ("horizon", "horizon"),
    ("block", "block"),
    ("sell_above", "sellAbove"),
)
_SHAPE = (
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("ephemeral_storage", "ephemeralStorage"),
    ("gpus", "gpus"),
)
_WHERE = ("region", "vendor")


@click.command()
@click.argument("name", required=False)
@click.option("--units", type=click.IntRange(1, 100), help="Units to keep in every hour.")
@click.option("--dtu-per-hour", metavar="DTU", help="Instead: as many units as draw this much.")
@click.option("--cpu", metavar="CPU", help="vCPUs of a unit, such as 2 or 500m.")
@click.option("--memory", metavar="BYTES", help="Memory of a unit, such as 4Gi.")
@click.option("--ephemeral-storage", metavar="BYTES", help="Disk of a unit, such as 20Gi.")
@click.option("--gpus", type=click.IntRange(0, 64), help="GPUs of a unit.")
@click.option("--max-euro-per-dtu", metavar="EURO", help="Buy nothing above this price.")
@click.option("--not-before", metavar="TIME", help="Since when (RFC 3339); at once without.")
@click.option("--term", metavar="DURATION", help="How long, such as 24h; for ever without.")
@click.option("--horizon", metavar="DURATION", help="How far ahead to buy, at most 48h.")
@click.option("--block", metavar="DURATION", help="Buy so long a stretch at once on one node.")
@click.option("--sell-above", metavar="EURO", help="Sell again what is not used, at no less.")
@click.option("--region", metavar="REGION", multiple=True, help="Only there; may be repeated.")
@click.option("--vendor", metavar="VENDOR", multiple=True, help="Only of them; may be repeated.")
@click.option("--stop", is_flag=True, help="Buy no more; what was bought stays to its end.")
@output_option
@namespace_option
@pass_context
def procure(
    context: Context,
    /,
    name: str | None,
    stop: bool,
    output: str,
    namespace: str | None,
    **options: Any,
) -> None:
    """Keep capacity: list standing orders, make or change one, or show the hours of one.

    `busbar procure web --units 2 --cpu 1 --memory 2Gi --max-euro-per-dtu 0.05 --term 24h` keeps
    two units for a day; `busbar procure web` shows which hours are held, where, at which price.
    """
    context.in_namespace(namespace)
    spec = _spec(options)
    if name is None:
        if spec or stop:
            raise CliError("NAME is missing: say which standing order", Exit.USAGE)
        _list(context, output)
        return
    path = namespaced(context.namespace, "procurements", name)
    if stop:
        if spec:
            raise CliError("--stop stands alone", Exit.USAGE)
        context.client.delete(path)
        click.echo(f"{name} buys no more; what it has bought stays to its end")
        return
    if spec:
        _write(context, path, name, spec)
    _show(context, path, name, output)


def _spec(options: dict[str, Any]) -> Json:
    """Give the fields that the options state."""
    spec: Json = {field: options[o] for o, field in _FIELDS if options[o] is not None}
    shape = {field: options[o] for o, field in _SHAPE if options[o] is not None}
    where = {field: list(options[field]) for field in _WHERE if options[field]}
    return (
        spec | ({"resources": shape} if shape else {}) | ({"restrictions": where} if where else {})
    )


def _write(context: Context, path: str, name: str, spec: Json) -> None:
    """Make the standing order, or change what is stated of the one that is there."""
    context.require_namespace()
    known = context.client.find(path)
    try:
        read_standing_order({**((known or {}).get("spec") or {}), **spec})
    except InvalidField as error:
        raise CliError(f"{error}", Exit.USAGE) from None
    if known is not None:
        context.client.merge(path, {"spec": spec})
        return
    meta = {"name": name, "namespace": context.namespace}
    body = {"apiVersion": API_VERSION, "kind": "Procurement", "metadata": meta, "spec": spec}
    context.client.post(namespaced(context.namespace, "procurements"), body)


def _list(context: Context, output: str) -> None:
    items = context.client.list(namespaced(context.namespace, "procurements"))
    emit(output, items, _LIST, [_row(item) for item in items])
    if not items and output == "table":
        hint("nothing is kept: `busbar procure NAME --units 1 --cpu 1 --max-euro-per-dtu 0.05`")


def _row(item: Json) -> tuple[object, ...]:
    status = item.get("status") or {}
    numbers = (status.get(field, 0) for field in ("units", "unitsNow", "unitHours", "missing"))
    phase = status.get("phase", "Waiting")
    return (
        item["metadata"]["name"],
        phase,
        *numbers,
        status.get("committed", "0"),
        status.get("reason", ""),
    )


def _show(context: Context, path: str, name: str, output: str) -> None:
    item = context.client.get(path)
    everything = context.client.list(namespaced(context.namespace, "contracts"))
    hours = sorted((c for c in everything if c["spec"].get("procurement") == name), key=_place)
    drawn = [c for c in everything if c["spec"].get("reservation") == name and _is_open(c)]
    document = {"procurement": item, "contracts": hours, "drawn": drawn}
    emit(output, document, _HOURS, [_hours(contract) for contract in hours])
    if output == "table":
        status = item.get("status") or {}
        hint(
            f"\n{name} is {status.get('phase', 'Waiting')}: {status.get('unitsNow', 0)} of "
            f"{status.get('units', 0)} units now, {status.get('missing', 0)} unit hours missing"
        )
        if status.get("message"):
            hint(str(status["message"]))
        if drawn:
            users = (f"{c['spec']['order'].get('name')} on {c['spec']['node']}" for c in drawn)
            hint(f"drawn on by {', '.join(users)}")


def _is_open(contract: Json) -> bool:
    return (contract.get("status") or {}).get("phase") != "Closed"


def _place(contract: Json) -> tuple[object, ...]:
    return (
        not _is_open(contract),
        contract["spec"]["slots"][0]["startMs"],
        contract["metadata"]["name"],
    )


def _hours(contract: Json) -> tuple[object, ...]:
    spec, status = contract["spec"], contract.get("status") or {}
    slots = spec["slots"]
    prices = sorted({int(slot["priceNano"]) for slot in slots})
    price = format_euro(prices[0])
    if len(prices) > 1:
        price += f" to {format_euro(prices[-1])}"
    return (
        format_instant(slots[0]["startMs"]),
        format_instant(slots[-1]["endMs"]),
        spec["vendor"],
        spec["node"],
        f"{spec['cpuMilli']}m",
        format_bytes(spec["memoryBytes"]),
        format_bytes(spec.get("ephemeralBytes", 0)),
        price,
        format_euro(int(status.get("billedNano") or 0)),
        status.get("reason") or status.get("phase") or "",
    )
