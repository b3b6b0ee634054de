"""`busbar vendor payout|bond|statement|note`: what a vendor has earned. Next: `money.py`."""

from __future__ import annotations

from pathlib import Path

import click

from busbar.cli.bookings import entered, key_option
from busbar.cli.client import Json
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import output_option
from busbar.cli.statements import month_option, paper_options, vendor_note, vendor_statement


@click.command()
@click.argument("name")
@click.option("--euro", metavar="EURO", help="Not all that it has earned, but this much.")
@key_option
@output_option
@pass_context
def payout(context: Context, /, name: str, euro: str | None, key: str | None, output: str) -> None:
    """Enter what was paid to the vendor NAME: all that it has earned (operator)."""
    body: Json = {"vendor": name} if euro is None else {"vendor": name, "euro": euro}
    entered(context, "payouts", body, key, output)


@click.command()
@click.argument("name")
@click.option("--deposit", metavar="EURO", help="Put this much of its earnings into its bond.")
@click.option("--paid-in", metavar="EURO", help="Put this much into it that came from outside.")
@click.option("--return", "back", metavar="EURO", help="Give this much of it back.")
@key_option
@output_option
@pass_context
def bond(
    context: Context,
    /,
    name: str,
    deposit: str | None,
    paid_in: str | None,
    back: str | None,
    key: str | None,
    output: str,
) -> None:
    """Change the bond of the vendor NAME, which failed deliveries are charged to (operator)."""
    asked = {"deposit": deposit, "deposit-from-outside": paid_in, "return": back}
    given = [(direction, euro) for direction, euro in asked.items() if euro is not None]
    if len(given) != 1:
        raise CliError("name one of --deposit, --paid-in and --return", Exit.USAGE)
    direction, euro = given[0]
    entered(context, "bonds", {"vendor": name, "euro": euro, "direction": direction}, key, output)


@click.command()
@click.argument("name")
@click.option("--bond", is_flag=True, help="Of its bond: deposits, and what failures cost.")
@month_option
@output_option
@pass_context
def statement(context: Context, /, name: str, bond: bool, month: str, output: str) -> None:
    """Show a month of what the vendor NAME earned and was paid, or of its bond."""
    vendor_statement(context, name, month, output, bond=bond)


@click.command()
@click.argument("name")
@month_option
@paper_options
@output_option
@pass_context
def note(
    context: Context,
    /,
    name: str,
    month: str,
    exchange: Path,
    party: Path,
    target: Path,
    output: str,
) -> None:
    """Write the payout note of a closed month: a self-billed invoice of the vendor NAME.

    As PDF and e-invoice (EN 16931), as `busbar account invoice` does for consumers. Needs the extra
    busbar[invoices].
    """
    vendor_note(context, name, month, exchange, party, target, output)
