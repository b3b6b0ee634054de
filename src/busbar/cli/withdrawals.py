"""`busbar vendor drain`, `busbar offer withdraw|pause|resume`: a vendor takes capacity back.

Next: `payouts.py`.
"""

from __future__ import annotations

import click

from busbar.cli.client import clustered
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.model.wellknown import ANN_RECLAIM, RECLAIM_AT_ONCE, RECLAIM_WITH_NOTICE


@click.command()
@click.argument("node")
@click.option("--at-once", is_flag=True, help="Without notice: it costs the bond.")
@pass_context
def drain(context: Context, /, node: str, at_once: bool) -> None:
    """Take NODE off the market: nothing new runs there, what runs has its notice.

    At the notice's end its workloads stop and are matched again. A contract without a notice keeps
    the slots that it has. The Node's condition Reclaimed says when nothing is left.
    """
    how = RECLAIM_AT_ONCE if at_once else RECLAIM_WITH_NOTICE
    _mark(context, node, how, cordon=True)
    what = "ends now, at the cost of the bond" if at_once else "goes on until its notice is over"
    click.echo(f"{node} takes no new work; what runs there {what}")


@click.command()
@click.argument("node")
@pass_context
def undrain(context: Context, /, node: str) -> None:
    """Put NODE on the market again; what has not ended yet goes on."""
    _mark(context, node, None, cordon=False)
    click.echo(f"{node} takes work again")


def _mark(context: Context, node: str, how: str | None, *, cordon: bool) -> None:
    path = clustered("nodes", node, api="/api/v1")
    _require(context, path, f"node {node}", "`busbar status` lists them")
    patch = {
        "metadata": {"annotations": {ANN_RECLAIM: how}},
        "spec": {"unschedulable": True if cordon else None},
    }
    context.client.merge(path, patch)


def _require(context: Context, path: str, what: str, hint: str) -> None:
    if context.client.find(path) is None:
        raise CliError(f"there is no {what}; {hint}", Exit.NOT_FOUND)


@click.command()
@click.argument("name")
@pass_context
def withdraw(context: Context, /, name: str) -> None:
    """Take the offer NAME off the market; contracts under it have their notice."""
    path = _offer(context, name)
    context.client.delete(path)
    left = context.client.find(path) is not None
    rest = "it goes when the contracts under it have had their notice" if left else "it is gone"
    click.echo(f"{name} sells nothing new; {rest}")


@click.command()
@click.argument("name")
@pass_context
def pause(context: Context, /, name: str) -> None:
    """Sell nothing new under the offer NAME; what runs goes on."""
    context.client.merge(_offer(context, name), {"spec": {"paused": True}})
    click.echo(f"{name} sells nothing new; what runs under it goes on")


@click.command()
@click.argument("name")
@pass_context
def resume(context: Context, /, name: str) -> None:
    """Sell under the offer NAME again."""
    context.client.merge(_offer(context, name), {"spec": {"paused": False}})
    click.echo(f"{name} is on the market")


def _offer(context: Context, name: str) -> str:
    path = clustered("offers", name)
    _require(context, path, f"offer {name}", "`busbar offer` lists them")
    return path
