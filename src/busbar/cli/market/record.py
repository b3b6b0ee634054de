"""`busbar market record`: the public record taken along, to be replayed where no cloud is.

Next: `replay.py`.
"""

from __future__ import annotations

from itertools import islice, takewhile
from pathlib import Path

import click

from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.market.records import CloudRecords, FolderRecords
from busbar.cli.output import clean, hint
from busbar.replay.records import Unsound, read_record

SAID_EVERY = 500


@click.command(short_help="Take the public record of clearings along.")
@click.option(
    "--save",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    required=True,
    help="The folder; what it holds already is not fetched again.",
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(1),
    help="Only the latest N records; without it, all that are kept.",
)
@pass_context
def record(context: Context, /, folder: Path, last: int | None) -> int:
    """Save the records of past clearings, from which anybody can work them out again.

    Each is saved as it is served, and each names the SHA-256 of the one before: whoever keeps the
    digest that is printed at the end can tell whether anything before it was changed later.
    """
    cloud, kept = CloudRecords(context.client), FolderRecords(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = kept.known()
        newest = islice(cloud.latest(), last)
        new = list(takewhile(lambda name: not known or name != known[-1], newest))[::-1]
        for count, name in enumerate(new, 1):
            packed = cloud.fetch(name)
            if packed is None:
                raise CliError(f"the record {name} was dropped meanwhile; save again", Exit.FAILED)
            kept.write(name, packed)
            known.append(name)
            if count % SAID_EVERY == 0:
                kept.write_index(known)
                hint(f"{count} of {len(new)} records")
        kept.write_index(known)
    except OSError as error:
        raise CliError(f"{folder} cannot be written ({error.strerror})", Exit.MACHINE) from None
    click.echo(_said(kept, known, len(new)))
    return Exit.OK


def _said(kept: FolderRecords, known: list[str], new: int) -> str:
    if not known:
        return "no clearing has been recorded yet"
    name = known[-1]
    try:
        digest = read_record(name, kept.fetch(name) or b"").link.digest
    except Unsound as error:
        raise CliError(clean(str(error)), Exit.FAILED) from None
    return f"{new} records saved, {len(known)} in all; the last is {name}, SHA-256 {digest}"
