"""`busbar ledger export|usage|close`: the journal for other people's programs.

`export` reads the data directory, as `verify-ledger` does: beside a running cloud, without one, or
in a backup. `usage` asks the cloud, so that whoever may read a namespace can have its usage.
Next: `money.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from busbar.cli.context import Context, namespace_option, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.journal import entries, period_between
from busbar.cli.output import emit, hint, output_option
from busbar.documents import beancount, focus, tables
from busbar.ledger.usage import usage as usage_of
from busbar.store.contract import CannotOpen
from busbar.store.sqlite.reading import read_journal


@click.group()
def ledger() -> None:
    """Export the journal, and usage made of it."""


def output_file(command: click.decorators.FC) -> click.decorators.FC:
    """Add `-f/--file` to a command that makes a file."""
    return click.option(
        "-f",
        "--file",
        "target",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write there, not to standard output.",
    )(command)


@ledger.command()
@click.option(
    "--format",
    type=click.Choice(["beancount"]),
    default="beancount",
    show_default=True,
    help="For which program.",
)
@output_file
@pass_context
def export(context: Context, /, format: str, target: Path | None) -> None:
    """Write the whole journal as a plain-text ledger, from the data directory (operator)."""
    del format  # There is one so far.
    try:
        journal = read_journal(context.settings.database)
        with writing(target) as out:
            for piece in beancount.lines(journal):
                out.write(piece.encode())
    except CannotOpen as error:
        raise CliError(str(error), Exit.NOT_FOUND) from None


@ledger.command()
@click.option(
    "--format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Parquet needs the extra busbar[parquet].",
)
@click.option("--from", "since", metavar="TIME", help="A day, a month or a time (RFC 3339), UTC.")
@click.option("--to", "until", metavar="TIME", help="The first day, month or time left out.")
@output_file
@namespace_option
@pass_context
def usage(
    context: Context,
    /,
    format: str,
    since: str | None,
    until: str | None,
    target: Path | None,
    namespace: str | None,
) -> None:
    """Write what was charged in the columns of FOCUS 1.2: a row per settled interval.

    Of all namespaces, which only operators may read, unless -n names one. Times are those at which
    the charges were entered.
    """
    period = period_between(since, until)
    if format == "parquet" and target is None and sys.stdout.isatty():
        raise CliError("Parquet is not for a terminal; name a file with --file", Exit.USAGE)
    asked = context.in_namespace(namespace).named_namespace
    closed = context.client.get("/money/v1/closings")["closed"]
    charges = usage_of(entries(context.client, asked, period), asked, period)
    rows = focus.rows(charges, closed=frozenset(closed))
    write = tables.write_csv if format == "csv" else tables.write_parquet
    try:
        with writing(target) as out:
            count = write(rows, out)
    except tables.ExtraMissing as error:
        raise CliError(str(error), Exit.MACHINE) from None
    if target is not None:
        hint(f"{count} rows in {target}")


@ledger.command()
@click.argument("month", required=False)
@output_option
@pass_context
def close(context: Context, /, month: str | None, output: str) -> None:
    """Close a MONTH such as 2026-11 (operator), or list the closed ones.

    A closed month takes no more entries dated in it; later corrections are dated later and refer
    back. It cannot be opened again.
    """
    if month is not None:
        done = context.client.post("/money/v1/closings", {"month": month})
        if done["repeated"]:
            hint(f"{month} was closed before")
    found = context.client.get("/money/v1/closings")
    emit(output, found, ("closed month",), [(name,) for name in found["closed"]])


@contextmanager
def writing(target: Path | None) -> Iterator[BinaryIO]:
    """Open a file, or standard output, for writing; an unfinished file is removed."""
    if target is None:
        yield sys.stdout.buffer
        return
    try:
        with target.open("wb") as out:
            yield out
    except BaseException:
        target.unlink(missing_ok=True)
        raise
