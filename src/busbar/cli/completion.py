"""`busbar completion`: completion for the shell, as click makes it."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from busbar.cli.errors import CliError, Exit


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script: eval "$(busbar completion bash)"."""
    found = get_completion_class(shell)
    if found is None:
        raise CliError(f"there is no completion for {shell}", Exit.USAGE)
    root = ctx.find_root().command
    click.echo(found(root, {}, "busbar", "_BUSBAR_COMPLETE").source())
