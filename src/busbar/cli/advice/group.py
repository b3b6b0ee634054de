"""`busbar advice`: what would be better; without a command the list. Next: `reading.py`."""

from __future__ import annotations

import click

from busbar.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("advice.reading", "list_advice"),
    "show": ("advice.reading", "show"),
    "apply": ("advice.doing", "apply"),
    "dismiss": ("advice.doing", "dismiss"),
    "revert": ("advice.doing", "revert"),
}


class AdviceGroup(LazyGroup):
    """What is no command of its own is an option of the list: `busbar advice -A`."""

    commands_at = _COMMANDS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before options."""
        named = args[:1]
        if not named or (named[0].startswith("-") and named[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.command(cls=AdviceGroup)
def advice() -> None:
    """See what would be better about what runs, on what evidence, and what it would save.

    Without a command it lists the advice of the namespace: `busbar advice -n xyz` is
    `busbar advice list -n xyz`.
    """
