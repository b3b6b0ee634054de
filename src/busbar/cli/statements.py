"""Months on paper: `statement`, and `invoice` (account) or `note` (vendor).

Made here, of the journal that the cloud shows, so that the control plane carries no libraries for
it. Next: `ledgers.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from busbar.cli.client import Json
from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.journal import entries
from busbar.cli.output import emit, hint, output_option
from busbar.documents import en16931, pdf
from busbar.documents.beancount import describe
from busbar.documents.invoice import (
    Invoice,
    NothingToInvoice,
    Party,
    consumer_invoice,
    euros,
    payout_note,
)
from busbar.documents.tables import ExtraMissing
from busbar.ledger.periods import Period, parse_month
from busbar.ledger.statements import Owns, Statement, of_bond, of_namespace, of_vendor
from busbar.ledger.statements import statement as statement_of
from busbar.ledger.usage import usage
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro
from busbar.model.time import format_instant
from busbar.model.vat import RateUnknown

_COLUMNS = ("seq", "time (UTC)", "€", "balance €", "what")


def month_option(command: click.decorators.FC) -> click.decorators.FC:
    """Add `--month`."""
    return click.option(
        "--month", metavar="MONTH", required=True, help="A calendar month (UTC) such as 2026-11."
    )(command)


def paper_options(command: click.decorators.FC) -> click.decorators.FC:
    """Add who buys and sells, and where the files go."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    target = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option(
            "--to",
            "target",
            type=target,
            default=Path(),
            help="Folder for the files; default: here.",
        ),
        click.option(
            "--party",
            type=file,
            required=True,
            help="The other side, as the same kind of file.",
        ),
        click.option(
            "--exchange",
            type=file,
            required=True,
            help="Who runs the exchange: JSON with name, country, street, postcode, city, vatId.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@month_option
@output_option
@namespace_option
@pass_context
def statement(context: Context, /, month: str, output: str, namespace: str | None) -> None:
    """Show a month of a namespace's account: payments, charges, credits, corrections."""
    name = context.in_namespace(namespace).namespace
    period = read_month(month)
    upto = Period(0, period.end)
    found = statement_of(entries(context.client, name, upto), of_namespace(name), period)
    show(output, found, {"namespace": name, "month": month})


def vendor_statement(
    context: Context, vendor: str, month: str, output: str, *, bond: bool = False
) -> None:
    """Show a month of a vendor's earnings, or of its bond."""
    period = read_month(month)
    owns: Owns = of_bond(vendor) if bond else of_vendor(vendor)
    upto = Period(0, period.end)
    found = statement_of(entries(context.client, period=upto, vendor=vendor), owns, period)
    show(output, found, {"vendor": vendor, "month": month})


def show(output: str, found: Statement, about: Json) -> None:
    """Print a statement."""
    lines: list[Json] = [
        {
            "seq": line.seq,
            "at": format_instant(line.at),
            "kind": line.kind,
            "reference": line.reference,
            "about": line.about,
            "euro": format_euro(line.amount),
            "balance": format_euro(line.balance),
        }
        for line in found.lines
    ]
    ends = {"opening": format_euro(found.opening), "closing": format_euro(found.closing)}
    rows: list[tuple[Any, ...]] = [("", "", "", ends["opening"], "Opening balance")]
    for line, shown in zip(found.lines, lines, strict=True):
        what = describe(line.kind) + (f": {line.about}" if line.about else "")
        minute = shown["at"][:16].replace("T", " ")
        rows.append((line.seq, minute, shown["euro"], shown["balance"], what))
    rows.append(("", "", "", ends["closing"], "Closing balance"))
    emit(output, {**about, **ends, "lines": lines}, _COLUMNS, rows)


@click.command()
@month_option
@paper_options
@output_option
@namespace_option
@pass_context
def invoice(
    context: Context,
    /,
    month: str,
    exchange: Path,
    party: Path,
    target: Path,
    output: str,
    namespace: str | None,
) -> None:
    """Write a closed month's invoice as PDF and e-invoice (EN 16931, inside the PDF and beside it).

    Amounts are the ledger's, rounded to cents; the net amount was prepaid from the balance. Needs
    the extra busbar[invoices].
    """
    name = context.in_namespace(namespace).namespace
    period = closed_month(context, month)
    seller, buyer = read_party(exchange, "--exchange"), read_party(party, "--party")
    charges = usage(entries(context.client, name, period), name, period)
    with_reasons(
        output, target, lambda: consumer_invoice(charges, name, month, period, seller, buyer)
    )


def vendor_note(
    context: Context,
    vendor: str,
    month: str,
    exchange: Path,
    party: Path,
    target: Path,
    output: str,
) -> None:
    """Write a closed month's payout note of a vendor."""
    period = closed_month(context, month)
    buyer, seller = read_party(exchange, "--exchange"), read_party(party, "--party")
    charges = usage(entries(context.client, period=period, vendor=vendor), "", period)
    with_reasons(output, target, lambda: payout_note(charges, vendor, month, period, buyer, seller))


def with_reasons(output: str, target: Path, make: Any) -> None:
    """Make a document and write it; what stands in the way is a sentence."""
    try:
        made: Invoice = make()
        xml = en16931.to_xml(made)
        paper = pdf.to_pdf(made, xml)
    except NothingToInvoice as error:
        raise CliError(str(error), Exit.NOT_FOUND) from None
    except RateUnknown as error:
        raise CliError(str(error), Exit.REFUSED) from None
    except ExtraMissing as error:
        raise CliError(str(error), Exit.MACHINE) from None
    target.mkdir(parents=True, exist_ok=True)
    files = {f"{made.number}.pdf": paper, f"{made.number}.xml": xml}
    for name, content in files.items():
        (target / name).write_bytes(content)
    told = {
        "document": pdf.TITLES[made.type_code],
        "number": made.number,
        "net": euros(made.net),
        "vat": euros(made.vat),
        "total": euros(made.total),
        "prepaid": euros(made.prepaid),
        "toPay": euros(made.payable),
        "exact": format_euro(made.exact_nano),
        "files": [str(target / name) for name in files],
    }
    columns = ("number", "exact €", "net €", "vat €", "total €", "prepaid €", "to pay €")
    keys = ("number", "exact", "net", "vat", "total", "prepaid", "toPay")
    emit(output, told, columns, [tuple(told[key] for key in keys)])
    if output == "table":
        hint(f"{told['document']}: {', '.join(str(target / name) for name in files)}")


def read_month(month: str) -> Period:
    """Read `--month`."""
    try:
        return parse_month(month, "--month")
    except InvalidField as error:
        raise CliError(str(error), Exit.USAGE) from None


def closed_month(context: Context, month: str) -> Period:
    """Read `--month`, which must be closed: what is on paper must not change any more."""
    period = read_month(month)
    if month not in context.client.get("/money/v1/closings")["closed"]:
        said = f"{month} is not closed; an operator closes it with `busbar ledger close {month}`"
        raise CliError(said, Exit.REFUSED)
    return period


def read_party(path: Path, option: str) -> Party:
    """Read a file that names a party."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Party)
    except msgspec.DecodeError as error:
        raise CliError(f"{option}: {path}: {error}", Exit.USAGE) from None
