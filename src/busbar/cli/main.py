"""`busbar`: what people type. One file per noun; this one ties them together.

Next: `context.py`, then `cloud.py` (up, down), `status.py`, `backups.py`, `supply.py` (token, join,
vendor, offer), `attest/`, `jobs.py` (submit, logs), `procurement.py`, `receipts.py`, `market/`,
`advice/`, `money.py` (account), `ledgers.py`, `storage.py` (bucket), `images.py` (image).
"""

from __future__ import annotations

import os
import sys

import click

from busbar.cli.context import Context
from busbar.cli.errors import CliError, Exit
from busbar.cli.lazy import LazyGroup
from busbar.cli.output import clean

_COMMANDS = {
    "up": ("cloud", "up"),
    "down": ("cloud", "down"),
    "status": ("status", "status"),
    "version": ("cloud", "version"),
    "backup": ("backups", "backup"),
    "restore": ("backups", "restore"),
    "token": ("supply", "token"),
    "join": ("supply", "join"),
    "agent": ("supply", "agent"),
    "vendor": ("supply", "vendor"),
    "offer": ("supply", "offer"),
    "attest": ("attest.group", "attest"),
    "submit": ("jobs", "submit"),
    "logs": ("jobs", "logs"),
    "procure": ("procurement", "procure"),
    "receipt": ("receipts", "receipt"),
    "account": ("money", "account"),
    "ledger": ("ledgers", "ledger"),
    "verify-ledger": ("money", "verify_ledger"),
    "market": ("market.group", "market"),
    "quote": ("market.quote", "quote"),
    "advice": ("advice.group", "advice"),
    "bucket": ("storage", "bucket"),
    "image": ("images", "image"),
    "completion": ("completion", "completion"),
    "quickstart": ("quickstart", "quickstart"),
}


class Commands(LazyGroup):
    """All commands, in the order of a first visit."""

    commands_at = _COMMANDS


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data", metavar="DIR", help="Data directory (default: $BUSBAR_DATA, /var/lib/busbar)."
)
@click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of the cloud to talk to.")
@click.option("-n", "--namespace", metavar="NS", help="Namespace to work in.")
@click.pass_context
def cli(
    ctx: click.Context, data: str | None, kubeconfig: str | None, namespace: str | None
) -> None:
    """Busbar: any machine plugs in as supply, any workload as demand; the exchange matches them."""
    ctx.obj = Context(data, kubeconfig, namespace)


def main() -> None:
    """Run the command line."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # Whoever read the output is gone. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command; every failure is one sentence and a documented exit code."""
    try:
        code = cli.main(arguments, prog_name="busbar", standalone_mode=False)
        return code if isinstance(code, int) else Exit.OK
    except CliError as error:
        return _end(error.message, error.code)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE if isinstance(error, click.UsageError) else Exit.FAILED
    except (click.Abort, KeyboardInterrupt):
        return _end("interrupted; run the same command again to go on", 130)
    except BrokenPipeError:
        return Exit.OK
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        return _end(f"{about}{error.strerror or error}", Exit.MACHINE)
    except Exception as error:
        if os.environ.get("BUSBAR_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _end(
            f"this should not happen ({what}); please report it with what "
            "BUSBAR_DEBUG=1 prints for the same command",
            Exit.FAILED,
        )


def _end(sentence: str, code: int) -> int:
    click.echo(f"busbar: {clean(sentence)}", err=True)
    return code
