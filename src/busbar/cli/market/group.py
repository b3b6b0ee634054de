"""`busbar market`: with a zone or nothing the book, else one of its questions.

Next: `book.py` (show), `why.py`, `history.py`, `replay.py`, `quote.py`.
"""

from __future__ import annotations

import click

_COMMANDS = {
    "show": ("book", "show"),
    "why": ("why", "why"),
    "history": ("history", "history"),
    "replay": ("replay", "replay"),
}


class MarketGroup(click.Group):
    """What is no question of its own is a zone: `busbar market Sweden` shows its book."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` before what names no question."""
        named = args[:1]
        if not named or (named[0] not in _COMMANDS and named[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the questions, the most asked first."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give a question."""
        if cmd_name not in _COMMANDS:
            return None
        module_name, attribute = _COMMANDS[cmd_name]
        module = __import__(f"busbar.cli.market.{module_name}", fromlist=[attribute])
        command = getattr(module, attribute)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=MarketGroup)
def market() -> None:
    """Look at the market: the book, prices ahead and past, why an order waits.

    Without a command, or with a zone alone, it shows the book: `busbar market Sweden` is
    `busbar market show Sweden`.
    """
