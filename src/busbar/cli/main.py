"""`busbar`: what people type. One file per noun; this one ties them together.

Next: `context.py`, then `cloud.py` (up, down, status), `supply.py` (token, join, vendor, offer),
`jobs.py` (submit, logs, receipt), `market.py`, `money.py`, `storage.py` (bucket),
`images.py` (image).
"""

from __future__ import annotations

import sys

import click

from busbar.cli.context import Context
from busbar.cli.errors import CliError, Exit

_COMMANDS = {
    "up": ("cloud", "up"),
    "down": ("cloud", "down"),
    "status": ("status", "status"),
    "version": ("cloud", "version"),
    "token": ("supply", "token"),
    "join": ("supply", "join"),
    "agent": ("supply", "agent"),
    "vendor": ("supply", "vendor"),
    "offer": ("supply", "offer"),
    "submit": ("jobs", "submit"),
    "logs": ("jobs", "logs"),
    "receipt": ("money", "receipt"),
    "account": ("money", "account"),
    "verify-ledger": ("money", "verify_ledger"),
    "market": ("market", "market"),
    "bucket": ("storage", "bucket"),
    "image": ("images", "image"),
    "completion": ("completion", "completion"),
    "quickstart": ("quickstart", "quickstart"),
}


class LazyGroup(click.Group):
    """Imports a command's module only when it is used: `busbar status` must not wait for numpy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in the order of a first visit."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give a command."""
        if cmd_name not in _COMMANDS:
            return None
        module_name, attribute = _COMMANDS[cmd_name]
        module = __import__(f"busbar.cli.{module_name}", fromlist=[attribute])
        command = getattr(module, attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    """Run the command line; every expected failure is one sentence and a documented exit code."""
    try:
        code = cli.main(prog_name="busbar", standalone_mode=False)
    except CliError as error:
        click.echo(f"busbar: {error.message}", err=True)
        sys.exit(error.code)
    except click.UsageError as error:
        error.show()
        sys.exit(Exit.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("busbar: interrupted; run the same command again to go on", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
    sys.exit(code if isinstance(code, int) else Exit.OK)
