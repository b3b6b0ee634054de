"""`busbar account …`, `verify-ledger`: what there is, and that it is right.

Next: `ledgers.py`.
"""

from __future__ import annotations

import click

from busbar.cli import clock
from busbar.cli.bookings import entered, key_option, reason_option
from busbar.cli.client import Client, Json, namespaced
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, hint, output_option
from busbar.cli.statements import invoice, statement
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro, parse_euro
from busbar.model.wellknown import ACCOUNT_NAME
from busbar.store.contract import CannotOpen
from busbar.store.sqlite.verify import verify

TOP_UPS = "/money/v1/topups"
MADE_WITHIN_S = 15
"""How long the Account of a namespace just made is waited for."""


@click.group(invoke_without_command=True)
@click.option("--top-up", metavar="EURO", help="Pay in (operator).")
@click.option("--key", metavar="TEXT", help="Idempotency key of the payment.")
@click.option("--budget", metavar="EURO", help="Set the monthly budget; 'none' removes it.")
@output_option
@namespace_option
@click.pass_context
def account(
    click_context: click.Context,
    /,
    top_up: str | None,
    key: str | None,
    budget: str | None,
    output: str,
    namespace: str | None,
) -> None:
    """Show a namespace's account; pay in with --top-up, limit spending with --budget."""
    context: Context = click_context.obj
    context.in_namespace(namespace)
    if click_context.invoked_subcommand is not None:
        if top_up is not None or budget is not None:
            said = "--top-up and --budget are done by `busbar account` itself: two commands"
            raise CliError(said, Exit.USAGE)
        return
    paid: Json = {}
    try:
        if top_up is not None:
            paid = pay_in(context.client, context.namespace, top_up, key)
        if budget is not None:
            value = None if budget == "none" else format_euro(parse_euro(budget, "--budget"))
            path = namespaced(context.namespace, "accounts", ACCOUNT_NAME)
            context.client.merge(path, {"spec": {"budget": value}})
    except InvalidField as error:
        raise CliError(str(error), Exit.USAGE) from None
    item = _account(context)
    # The answer is what was committed; the object follows it.
    status = {**(item.get("status") or {}), **{k: paid[k] for k in ("balance", "held") if paid}}
    item = {**item, "status": status}
    row = (
        context.namespace,
        status.get("balance", "0"),
        status.get("held", "0"),
        status.get("spentThisMonth", "0"),
        (item.get("spec") or {}).get("budget") or "none",
    )
    emit(
        output, item, ("namespace", "balance €", "held €", "spent this month €", "budget €"), [row]
    )


def _account(context: Context) -> Json:
    """Give the namespace's Account; that of a namespace just made comes a moment later."""
    found = context.client.find(namespaced(context.namespace, "accounts", ACCOUNT_NAME))
    if found is not None:
        return found
    context.require_namespace()
    accounts = namespaced(context.namespace, "accounts")
    for event in context.client.watch(accounts, timeoutSeconds=str(MADE_WITHIN_S)):
        if event["type"] == "ADDED":
            return dict(event["object"])
    said = f"namespace {context.namespace} has no account yet; try again in a moment"
    raise CliError(said, Exit.NOT_FOUND)


def pay_in(client: Client, namespace: str, euro: str, key: str | None) -> Json:
    """Pay money into a namespace's account, once per idempotency key; gives its balances then."""
    amount = parse_euro(euro, "--top-up")
    key = key or f"cli/{namespace}/{clock.now()}"
    body = {"namespace": namespace, "euro": format_euro(amount), "idempotencyKey": key}
    paid = client.post(TOP_UPS, body)
    if paid["repeated"]:
        hint(
            f"a payment of {paid['euro']} € was entered under the key {key} before; once is enough"
        )
    return paid


@account.command()
@click.argument("euro")
@reason_option
@key_option
@output_option
@namespace_option
@pass_context
def credit(
    context: Context,
    /,
    euro: str,
    reason: str,
    key: str | None,
    output: str,
    namespace: str | None,
) -> None:
    """Give a namespace EURO of the exchange's own money (operator)."""
    body = {"namespace": context.in_namespace(namespace).namespace, "euro": euro, "reason": reason}
    entered(context, "credits", body, key, output)


@account.command()
@click.argument("seq", type=int)
@click.option("--refund", metavar="EURO", help="Give back this much of it, not all that is left.")
@click.option("--charge", metavar="EURO", help="Charge this much more instead.")
@reason_option
@key_option
@output_option
@pass_context
def correct(
    context: Context,
    /,
    seq: int,
    refund: str | None,
    charge: str | None,
    reason: str,
    key: str | None,
    output: str,
) -> None:
    """Correct the journal's entry SEQ by another one that refers to it (operator).

    Without --refund and --charge, all that is left of it is moved back. What a settlement gave to
    vendor and exchange is taken back from both by the rule it was split by.
    """
    if refund is not None and charge is not None:
        raise CliError("--refund and --charge exclude each other", Exit.USAGE)
    body: Json = {"seq": seq, "reason": reason}
    if charge is not None:
        body |= {"direction": "charge", "euro": charge}
    elif refund is not None:
        body |= {"euro": refund}
    entered(context, "corrections", body, key, output)


account.add_command(statement)
account.add_command(invoice)


@click.command("verify-ledger")
@output_option
@pass_context
def verify_ledger(context: Context, /, output: str) -> None:
    """Recompute the whole ledger: hash chain, sums, balances. Exits 8 where it does not hold."""
    try:
        findings = [str(finding) for finding in verify(context.settings.database)]
    except CannotOpen as error:
        raise CliError(str(error), Exit.NOT_FOUND) from None
    document = {"holds": not findings, "findings": findings}
    if output != "table":
        emit(output, document, (), [])
    else:
        for finding in findings:
            click.echo(f"  {finding}")
        click.echo("the ledger does not hold" if findings else "the ledger holds")
    if findings:
        raise CliError(f"the ledger does not verify: {findings[0]}", Exit.LEDGER_BAD)
