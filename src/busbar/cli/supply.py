"""`busbar token`, `join`, `agent`, `vendor`, `offer`: how machines come to be for sale.

Next: `jobs.py`, the consumer's side.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from pathlib import Path
from typing import Any

import click

from busbar.cli import clock, machines, manifests, payouts, withdrawals
from busbar.cli.attest import evidence
from busbar.cli.client import Client, clustered
from busbar.cli.cloud import require_root
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, output_option
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.quantities import milli, whole
from busbar.model.wellknown import API_VERSION, NAMESPACE_SYSTEM, VENDOR_PREFIX, VENDORS
from busbar.server import identities, kubeconfig

_NAME = re.compile(r"\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
SECRETS = f"/api/v1/namespaces/{NAMESPACE_SYSTEM}/secrets"


@click.command()
@click.option("--vendor", metavar="NAME", help="Let one machine of this vendor join.")
@click.option("--region", metavar="REGION", help="Where that machine stands, such as Sweden.")
@click.option("--ttl", type=click.IntRange(1, 600), default=600, help="Seconds a join token lives.")
@click.option("--member", metavar="NS", help="Let somebody work in this namespace.")
@click.option("--vendor-user", metavar="NAME", help="Let somebody manage this vendor's offers.")
@click.option("--user", metavar="NAME", help="User name of a member or vendor user.")
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write a kubeconfig.")
@pass_context
def token(context: Context, /, vendor: str | None, ttl: int, **options: Any) -> None:
    """Make a token: for a machine that joins, for a member, or for a vendor's staff."""
    kinds = [name for name in ("member", "vendor_user") if options[name]]
    if (vendor is not None) + len(kinds) != 1:
        raise CliError("name exactly one of --vendor, --member and --vendor-user", Exit.USAGE)
    if vendor is not None:
        _check_name(vendor, "--vendor")
        if not options["region"]:
            raise CliError("--region is missing: say where the machine stands", Exit.USAGE)
        if options["target"]:
            said = "--write goes with --member or --vendor-user: a machine takes the token itself"
            raise CliError(said, Exit.USAGE)
        fingerprint = _fingerprint(context.client)
        text, secret = identities.new_join_token(
            fingerprint, vendor, options["region"], clock.now(), ttl
        )
        context.client.post(SECRETS, secret)
        click.echo(text)
        return
    _bearer(context, options)


def _bearer(context: Context, options: dict[str, Any]) -> None:
    namespace, vendor = options["member"], options["vendor_user"]
    if namespace:
        context.require_namespace(namespace)
        user = options["user"] or f"member-of-{namespace}"
        groups: tuple[str, ...] = (identities.member_group(namespace),)
    else:
        _require_vendor(context.client, vendor)
        user, groups = VENDOR_PREFIX + vendor, (VENDORS,)
    text, secret = identities.new_bearer(user, groups, None)
    context.client.post(SECRETS, secret)
    if options["target"] is None:
        click.echo(text)
        return
    kubeconfig.write_kubeconfig(
        options["target"],
        context.client.server,
        context.client.ca_pem,
        user,
        token=text,
        namespace=namespace or "default",
    )
    click.echo(f"wrote {options['target']}")


def _check_name(name: str, option: str) -> None:
    if not _NAME.match(name):
        raise CliError(f"{option}: {name!r} is not a name; use a-z, 0-9 and '-'", Exit.USAGE)


def _require_vendor(client: Client, name: str) -> None:
    if client.find(clustered("vendors", name)) is None:
        said = f"there is no vendor {name}; register it with `busbar vendor {name} --country CC`"
        raise CliError(said, Exit.NOT_FOUND)


@click.command()
@click.argument("server", metavar="https://HOST:PORT")
@click.option("--token", "join_token", required=True, metavar="TOKEN", help="From `busbar token`.")
@click.option("--name", metavar="NODE", help="Node name (default: the host name).")
@click.option("--cpu", metavar="QUANTITY", help="vCPUs to sell (default: all).")
@click.option("--memory", metavar="QUANTITY", help="Memory to sell (default: nine tenths).")
@click.option(
    "--ephemeral-storage",
    metavar="QUANTITY",
    help="Disk to sell (default: what is free, less a tenth of the disk).",
)
@click.option("--pod-cidr", default="10.88.0.0/16", show_default=True, help="Workload addresses.")
@click.option("--netns", metavar="NAME", help="Run in this network namespace.")
@pass_context
def join(context: Context, /, server: str, join_token: str, **options: Any) -> None:
    """Sell this machine on an exchange: join, and start the agent."""
    require_root("busbar join")
    name = options["name"] or _hostname()
    place = machines.folder(context.data, name)
    if (place / "agent.json").exists():
        machines.start(context.data, name)
        click.echo(f"{name} has joined already; its agent is running")
        return
    sizes = _sizes(options["cpu"], options["memory"], options["ephemeral_storage"])
    machines.join(
        context.data, name, server, join_token, sizes, options["pod_cidr"], options["netns"]
    )
    machines.start(context.data, name)
    click.echo(f"{name} has joined; its agent is running, its log is {place / 'agent.log'}")


def _sizes(cpu: str | None, memory: str | None, disk: str | None) -> machines.Sizes:
    try:
        return machines.Sizes(
            milli(cpu, "--cpu") if cpu else 0,
            whole(memory, "--memory") if memory else 0,
            whole(disk, "--ephemeral-storage") if disk else None,
        )
    except InvalidField as error:
        raise CliError(str(error), Exit.USAGE) from None


@click.group()
def agent() -> None:
    """Start, stop and list the agents of this machine."""


@agent.command("list")
@output_option
@pass_context
def agent_list(context: Context, /, output: str) -> None:
    """List the agents of this machine."""
    found = [
        {"name": name, "running": machines.is_running(context.data, name)}
        for name in machines.names(context.data)
    ]
    rows = [(item["name"], "yes" if item["running"] else "no") for item in found]
    emit(output, found, ("name", "running"), rows)


@agent.command("start")
@click.argument("name")
@pass_context
def agent_start(context: Context, /, name: str) -> None:
    """Start an agent; workloads of its earlier life are taken up again."""
    _known(context, name)
    machines.start(context.data, name)
    click.echo(f"{name} is running")


@agent.command("stop")
@click.argument("name")
@click.option("--drain", is_flag=True, help="Stop its workloads too.")
@pass_context
def agent_stop(context: Context, /, name: str, drain: bool) -> None:
    """Stop an agent; without --drain its workloads go on."""
    _known(context, name)
    machines.stop(context.data, name, drain=drain)
    click.echo(f"{name} has stopped")


def _known(context: Context, name: str) -> None:
    if name not in machines.names(context.data):
        known = ", ".join(machines.names(context.data)) or "none"
        raise CliError(f"no agent {name} has joined here; known: {known}", Exit.NOT_FOUND)


class NamedGroup(click.Group):
    """A group that also takes a NAME: a first word that is no command of its own is one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Tell NAME and commands apart."""
        if args and args[0] in self.commands:
            return super().parse_args(ctx, ["", *args])
        ctx.allow_interspersed_args = True
        return super().parse_args(ctx, args)


@click.group(cls=NamedGroup, invoke_without_command=True)
@click.argument("name", required=False)
@click.option("--country", metavar="CC", help="Two-letter country code, to register or change.")
@click.option("--display-name", metavar="TEXT", help="Name shown to consumers.")
@click.option("--attributes", is_flag=True, help="What is said of NAME, and how well it is known.")
@output_option
@click.pass_context
def vendor(
    click_context: click.Context,
    /,
    name: str | None,
    country: str | None,
    display_name: str | None,
    attributes: bool,
    output: str,
) -> None:
    """List vendors, or register one: `busbar vendor elastx --country SE`."""
    if click_context.invoked_subcommand is not None:
        return
    context: Context = click_context.obj
    if not name and (country or display_name):
        raise CliError("NAME is missing: which vendor to register or change", Exit.USAGE)
    if name and (country or display_name):
        spec: dict[str, Any] = {}
        if country:
            spec["country"] = country.upper()
        if display_name:
            spec["displayName"] = display_name
        context.client.apply(clustered("vendors", name), _object("Vendor", name, spec))
    if attributes:
        _attributes(context.client, name, output)
        return
    items = context.client.list(clustered("vendors"))
    if name:
        _require_vendor(context.client, name)
        items = [item for item in items if item["metadata"]["name"] == name]
    rows = [
        (
            item["metadata"]["name"],
            (item.get("spec") or {}).get("country"),
            (item.get("status") or {}).get("nodes", 0),
            (item.get("status") or {}).get("nodesReady", 0),
            (item.get("status") or {}).get("reliability"),
            (item.get("status") or {}).get("failures", 0),
            (item.get("status") or {}).get("bond", "0"),
            (item.get("status") or {}).get("balance", "0"),
        )
        for item in items
    ]
    titles = ("name", "country", "nodes", "ready", "reliability", "failures", "bond €", "earned €")
    emit(output, items, titles, rows)
    if name and output == "table":
        _show_nodes(items[0])


def _attributes(client: Client, name: str | None, output: str) -> None:
    """Show what is said of a vendor with its evidence."""
    if not name:
        raise CliError("NAME is missing: whose attributes to show", Exit.USAGE)
    _require_vendor(client, name)
    rows = evidence.rows_of(client, name)
    data = [dict(zip(evidence.COLUMNS, row, strict=True)) for row in rows]
    emit(output, data, evidence.COLUMNS, rows)


def _show_nodes(vendor: dict[str, Any]) -> None:
    """Show what each node kept of its promises, the worst first."""
    known = (vendor.get("status") or {}).get("nodeReliability") or ()
    if known:
        click.echo("")
        fields = ("node", "reliability", "failures", "contracts", "deliveredSeconds")
        rows = [tuple(item.get(f, 0) for f in (*fields, "promisedSeconds")) for item in known]
        titles = ("node", "reliability", "failures", "contracts", "delivered s", "promised s")
        emit("table", known, titles, rows)


_MONEY = (payouts.payout, payouts.bond, payouts.statement, payouts.note)
for _command in (*_MONEY, withdrawals.drain, withdrawals.undrain):
    vendor.add_command(_command)


@click.group(cls=NamedGroup, invoke_without_command=True)
@click.argument("name", required=False)
@click.option("--vendor", metavar="VENDOR", help="Who sells; with --price, makes the offer.")
@click.option("--price", metavar="EURO", help="Euro per DTU.")
@click.option("-f", "--file", "source", type=click.Path(exists=True, path_type=Path), help="Offer.")
@output_option
@click.pass_context
def offer(
    click_context: click.Context,
    /,
    name: str | None,
    vendor: str | None,
    price: str | None,
    source: Path | None,
    output: str,
) -> None:
    """List offers, or make one: `busbar offer NAME --vendor V --price 0.03`, or -f FILE."""
    if click_context.invoked_subcommand is not None:
        return
    context: Context = click_context.obj
    names = _publish(context.client, name, vendor, price, source)
    items = context.client.list(clustered("offers"))
    if names:
        known = {item["metadata"]["name"] for item in items}
        for missing in [one for one in names if one not in known]:
            said = f"there is no offer {missing}; make it with --vendor and --price, or -f FILE"
            raise CliError(said, Exit.NOT_FOUND)
        items = [item for item in items if item["metadata"]["name"] in names]
    emit(output, items, ("name", "vendor", "€/DTU now", "available", "nodes"), _offer_rows(items))


for _command in (withdrawals.withdraw, withdrawals.pause, withdrawals.resume):
    offer.add_command(_command)


def _publish(
    client: Client, name: str | None, vendor: str | None, price: str | None, source: Path | None
) -> list[str]:
    """Make the offers asked for, if any; gives the names of those to show, none for all."""
    if source is not None:
        if name or vendor or price:
            raise CliError("-f stands alone: the file names offer, vendor and price", Exit.USAGE)
        documents = manifests.read(source)
    elif vendor or price:
        documents = [_simple_offer(name, vendor, price)]
    else:
        return [name] if name else []
    for document in documents:
        if document["kind"] != "Offer":
            said = f"{source}: kind: is {document['kind']!r}, not Offer; use `busbar submit` for it"
            raise CliError(said, Exit.USAGE)
        client.apply(clustered("offers", document["metadata"]["name"]), document)
    return [document["metadata"]["name"] for document in documents]


def _simple_offer(name: str | None, vendor: str | None, price: str | None) -> dict[str, Any]:
    for value, what in ((name, "NAME"), (vendor, "--vendor"), (price, "--price")):
        if not value:
            said = f"{what} is missing: an offer needs NAME, --vendor and --price"
            raise CliError(said, Exit.USAGE)
    try:
        parse_euro(price, "--price")
    except InvalidField as error:
        raise CliError(str(error), Exit.USAGE) from None
    return _object("Offer", str(name), {"vendor": vendor, "pricePerDTU": price})


def _offer_rows(items: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            item["metadata"]["name"],
            item["spec"].get("vendor"),
            (item.get("status") or {}).get("pricePerDTU") or item["spec"].get("pricePerDTU"),
            "yes" if (item.get("status") or {}).get("available") else "no",
            (item.get("status") or {}).get("nodes", 0),
        )
        for item in items
    ]


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _fingerprint(client: Client) -> str:
    der = ssl.PEM_cert_to_DER_cert(client.ca_pem.decode())
    return hashlib.sha256(der).hexdigest()[:16]


def _hostname() -> str:
    import socket

    return socket.gethostname().lower()
