"""`busbar backup`, `restore`: a cloud in one file. Next: `machines.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from busbar.cli import clock, processes
from busbar.cli.cloud import require_root
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, hint, output_option
from busbar.server import backups
from busbar.server.backups import BackupRefused, LedgerRefused, Manifest
from busbar.store.contract import CannotOpen, Unopenable

_COLUMNS = ("made", "revision", "entries", "version")
_CODES = {Unopenable.NOT_A_STORE: Exit.NOT_FOUND}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@output_option
@pass_context
def backup(context: Context, /, file: Path, output: str) -> None:
    """Save the cloud of this machine to a new FILE, while it runs; its ledger is verified."""
    require_root("busbar backup")
    try:
        manifest = backups.make(context.settings, file.absolute(), clock.now())
    except (BackupRefused, CannotOpen) as error:
        raise _ended(error) from None
    _show(output, manifest)
    hint(
        f"{file} holds the store and the cloud's keys: keep it where only the operator reads it. "
        f"Not in it: buckets' objects ({context.data / 's3'}), images ({context.data / 'images'})"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask before what is there is replaced.")
@output_option
@pass_context
def restore(context: Context, /, file: Path, yes: bool, output: str) -> None:
    """Put a backup in the place of this machine's stopped cloud; all of it is checked first."""
    require_root("busbar restore")
    settings = context.settings
    if not file.is_file():
        raise CliError(f"there is no file {file}", Exit.NOT_FOUND)
    if processes.running_pid(settings.pid_file) is not None:
        raise CliError("the cloud is up; stop it with `busbar down` first", Exit.REFUSED)
    try:
        with backups.opened(file.absolute(), context.data) as (manifest, unpacked):
            now = backups.present(settings)
            if now is not None and not yes:
                _ask(f"{context.data} holds a cloud at revision {now.revision} with {now.seq} "
                     f"entries; replace it by that of {manifest.made}, at revision "
                     f"{manifest.revision} with {manifest.entries} entries?")  # fmt: skip
            backups.put_in_place(settings, unpacked)
    except (BackupRefused, CannotOpen) as error:
        raise _ended(error) from None
    _show(output, manifest)
    hint("restored; start it with `busbar up`")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise CliError(f"{question} Say so with --yes", Exit.USAGE)
    if not click.confirm(question, err=True):
        raise CliError("nothing was changed", Exit.FAILED)


def _show(output: str, manifest: Manifest) -> None:
    row = (manifest.made, manifest.revision, manifest.entries, manifest.version)
    emit(output, msgspec.to_builtins(manifest), _COLUMNS, [row])


def _ended(error: BackupRefused | CannotOpen) -> CliError:
    if isinstance(error, LedgerRefused):
        return CliError(str(error), Exit.LEDGER_BAD)
    why = error.why if isinstance(error, CannotOpen) else None
    return CliError(str(error), _CODES.get(why, Exit.REFUSED) if why else Exit.REFUSED)
