"""`busbar receipt`: what a job cost, to the nano-euro. Next: `weighed.py`.

A contract knows its order by uid: a job that was deleted and made again under the same name is
another job, whose earlier namesake's contracts are shown with `--all` only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from busbar.cli import clock
from busbar.cli.client import Client, Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, emit, hint, output_option
from busbar.cli.weighed import weighed_lines, weighed_of
from busbar.market.words import volume
from busbar.model.dtu import MICRO
from busbar.model.money import format_euro
from busbar.model.time import HOUR, format_duration, format_instant

_COLUMNS = ("contract", "vendor", "node", "price", "ran", "work", "billed", "closed")
"""`compensated` follows where a delivery failed and its vendor's bond paid for it."""
_ORDERS = (
    ("Job", "/apis/busbar.dev/v1alpha1", "jobs"),
    ("Job", "/apis/batch/v1", "jobs"),
    ("Procurement", "/apis/busbar.dev/v1alpha1", "procurements"),
    ("Deployment", "/apis/apps/v1", "deployments"),
    ("ReplicaSet", "/apis/apps/v1", "replicasets"),
)
_HASH_LENGTH = 10
"""Of the mark that tells the ReplicaSets of a Deployment apart; it ends their names."""
_PODS = ("Pod", "/api/v1", "pods")
_SUMS = (("debit", "billed"), ("vendor", "vendor"), ("fee", "fee"), ("rounding", "rounding"))
_NOTHING = "0"


@click.command()
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Earlier jobs of that name too.")
@output_option
@namespace_option
@pass_context
def receipt(
    context: Context, /, name: str, everything: bool, output: str, namespace: str | None
) -> None:
    """Print what a job, a service or kept capacity cost: contracts, who was paid, the sums.

    What was weighed when a place was chosen (data expected, an image to fetch, work that starts
    anew, a move) is shown as well, as weighed, not billed: it is in no sum.
    """
    context.in_namespace(namespace)
    document = receipt_of(context.client, context.namespace, name, everything=everything)
    paid = any(item["compensation"] != "0" for item in document["contracts"])
    rows = [_row(item, everything, paid=paid) for item in document["contracts"]]
    titles = (*_COLUMNS, "compensated") if paid else _COLUMNS
    emit(output, document, ("made", *titles) if everything else titles, rows)
    if output == "table":
        total = document["total"]
        for item in document["contracts"]:
            if item["egress"] != _NOTHING:
                click.echo(_moved(item))
        for item in document["contracts"]:
            if item["withdrawal"] != _NOTHING:
                click.echo(f"{item['contract']}: withdrawn late: {item['withdrawal']} €")
        for line in (line for item in document["contracts"] for line in weighed_lines(item)):
            click.echo(clean(line))
        if total["egress"] != _NOTHING or total["withdrawal"] != _NOTHING:
            click.echo(f"\n{_sum_of_parts(total)}")
        click.echo(
            f"\n{total['debit']} € debited = {total['vendor']} € to vendors + "
            f"{total['fee']} € fee + {total['rounding']} € rounding"
            f"  {'✓' if total['agrees'] else '✗ THEY DISAGREE'}"
        )
        if paid:
            click.echo(f"{total['compensation']} € compensated out of vendors' bonds")
        if document["earlier"] and not everything:
            hint(f"{_earlier(document['earlier'], name)}; --all shows them too")


def receipt_of(client: Client, namespace: str, name: str, *, everything: bool = False) -> Json:
    """Give the receipt of a job, service, Pod or Procurement; amounts in euro, as exact decimals.

    `earlier` counts the contracts of earlier namesakes; with `everything` they are included.
    """
    named = sorted(
        (c for c in client.list(namespaced(namespace, "contracts")) if _is_named(c, name)),
        key=_made,
    )
    mine = _of_the_present(client, namespace, name, named)
    earlier = len(named) - len(mine)
    found = named if everything else mine
    if not found:
        said = f"{namespace}/{name} has no contract: nothing was bought, nothing is billed"
        if earlier:
            said += f" ({_earlier(earlier, name)}; see --all)"
        raise CliError(said, Exit.NOT_FOUND)
    sums = {to: sum(_nano(contract, name) for contract in found) for to, name in _SUMS}
    egress = sum(_egress(contract) for contract in found)
    late = sum(_nano(contract, "withdrawal") for contract in found)
    parts = {
        "compute": format_euro(sums["debit"] - egress - late),
        "egress": format_euro(egress),
        "withdrawal": format_euro(late),
    }
    agrees = sums["debit"] == sums["vendor"] + sums["fee"] + sums["rounding"]
    return {
        "namespace": namespace,
        "name": name,
        "earlier": earlier,
        "contracts": [_line(contract) for contract in found],
        "total": {
            **{to: format_euro(nano) for to, nano in sums.items()},
            **parts,
            "agrees": agrees,
            "compensation": format_euro(sum(_nano(contract, "compensated") for contract in found)),
        },
    }


def _sum_of_parts(total: Json) -> str:
    """Say what the bill is made of, where that is not work alone."""
    names = (("compute", "compute"), ("egress", "moving data"), ("withdrawal", "withdrawn late"))
    there = [(total[field], said) for field, said in names if total[field] != _NOTHING]
    return " + ".join(f"{amount} € {said}" for amount, said in there)


def _of_the_present(client: Client, namespace: str, name: str, named: list[Json]) -> list[Json]:
    """Give the contracts of what bears the name now; of its last bearer where nothing does."""
    bearers = list(_bearers(client, namespace, name))
    if bearers:
        return [c for c in named if any(_belongs(c, kind, obj) for kind, obj in bearers)]
    last = _identity(named[-1], name) if named else None
    return [contract for contract in named if _identity(contract, name) == last]


def _bearers(client: Client, namespace: str, name: str) -> Iterable[tuple[str, Json]]:
    """Give the Jobs, the Procurement and the Pod that bear a name now, each with its kind."""
    for kind, api, resource in (*_ORDERS, _PODS):
        found = client.find(namespaced(namespace, resource, name, api=api))
        if found is not None:
            yield kind, found


def _belongs(contract: Json, kind: str, bearer: Json) -> bool:
    order, meta = contract["spec"]["order"], bearer["metadata"]
    if kind == "Deployment":
        # Old ReplicaSets go with the history; what they cost stays on the receipt.
        return _is_of_deployment(order, meta["name"]) and _made(contract) >= _made(bearer)
    if meta.get("uid") in (order.get("uid"), order.get("ownerUid")):
        return True
    if order.get("ownerUid") or order.get("ownerKind", "").lower() != kind.lower():
        return False
    # Made before contracts had their owner's uid: a job's contracts are younger than the job.
    return _identity(contract, meta["name"]) == "" and _made(contract) >= _made(bearer)


def _identity(contract: Json, name: str) -> str:
    """Tell one bearer of a name from another, as far as a contract knows."""
    order = contract["spec"]["order"]
    if _is_of_deployment(order, name):
        return "deployment"
    if order.get("ownerName") == name:
        return str(order.get("ownerUid") or "")
    return str(order.get("uid") or "")


def _is_named(contract: Json, name: str) -> bool:
    return name in _order_names(contract) or _is_of_deployment(contract["spec"]["order"], name)


def _is_of_deployment(order: dict[str, str], name: str) -> bool:
    """Say whether a ReplicaSet of a Deployment ordered: its name is the Deployment's and a mark."""
    stem, _, mark = order.get("ownerName", "").rpartition("-")
    return order.get("ownerKind") == "ReplicaSet" and stem == name and len(mark) == _HASH_LENGTH


def _order_names(contract: Json) -> tuple[str | None, str | None]:
    order: dict[str, str] = contract["spec"]["order"]
    return order.get("name"), order.get("ownerName")


def _made(contract: Json) -> str:
    return str(contract["metadata"].get("creationTimestamp") or "")


def _earlier(count: int, name: str) -> str:
    contracts = "contract" if count == 1 else "contracts"
    return f"{count} {contracts} of earlier bearers of the name {name} not counted"


def _nano(contract: Json, field: str) -> int:
    return int((contract.get("status") or {}).get(f"{field}Nano") or 0)


def _transfer(contract: Json) -> Json:
    return (contract.get("status") or {}).get("transfer") or {}


def _egress(contract: Json) -> int:
    return int(_transfer(contract).get("billedNano") or 0)


def _moved(item: Json) -> str:
    """Say what data a contract moved, and what of it was billed."""
    where = item["dataRegion"] or "its bucket"
    return (
        f"{item['contract']}: read {volume(item['readBytes'])} from {where}, wrote "
        f"{volume(item['writtenBytes'])} to it: {item['egress']} €"
    )


def _row(item: Json, everything: bool, *, paid: bool) -> tuple[object, ...]:
    row: tuple[object, ...] = (
        item["contract"],
        item["vendor"],
        item["node"],
        f"{item['pricePerDTU']} €/DTU" + (f" ({item['drawsOn']})" if item["drawsOn"] else ""),
        item["ran"],
        f"{item['dtu']} DTU",
        f"{item['debit']} €",
        item["closed"],
    )
    if paid:
        row = (*row, f"{item['compensation']} €")
    return (item["made"], *row) if everything else row


def _line(contract: Json) -> dict[str, Any]:
    spec, status = contract["spec"], contract.get("status") or {}
    started, finished = status.get("startedMs"), status.get("finishedMs")
    ran_ms = max(0, (finished or clock.now()) - started) if started else 0
    micro_dtu = spec["drawMicro"] * ran_ms // HOUR
    return {
        "contract": contract["metadata"]["name"],
        "made": _made(contract),
        "vendor": spec["vendor"],
        "node": spec["node"],
        "zone": spec["zone"],
        "pricePerDTU": status.get("pricePerDTU") or format_euro(spec["slots"][0]["priceNano"]),
        "drawsOn": spec.get("reservation") or "",
        "drawPerHour": format_euro(spec["drawMicro"] * 1000),
        "started": format_instant(started) if started else "",
        "finished": format_instant(finished) if finished else "",
        "ran": format_duration(ran_ms) if ran_ms >= 1000 else f"{ran_ms} ms",
        "dtu": f"{micro_dtu / MICRO:.6f}",
        "debit": format_euro(_nano(contract, "billed")),
        "compute": format_euro(
            _nano(contract, "billed") - _egress(contract) - _nano(contract, "withdrawal")
        ),
        "withdrawal": format_euro(_nano(contract, "withdrawal")),
        "egress": format_euro(_egress(contract)),
        "readBytes": int(_transfer(contract).get("readBytes") or 0),
        "writtenBytes": int(_transfer(contract).get("writtenBytes") or 0),
        "dataRegion": str((spec.get("transfer") or {}).get("region") or ""),
        "weighed": weighed_of(spec),
        "vendorCredit": format_euro(_nano(contract, "vendor")),
        "fee": format_euro(_nano(contract, "fee")),
        "rounding": format_euro(_nano(contract, "rounding")),
        "closed": status.get("reason") or status.get("phase") or "",
        "compensation": format_euro(_nano(contract, "compensated")),
    }
