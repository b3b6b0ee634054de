"""`busbar market`: with a zone or nothing the book, else one of its questions.

Next: `book.py` (show), `why.py`, `history.py`, `gpus.py`, `records.py`, `replay.py`,
`quote.py`.
"""

from __future__ import annotations

import click

from busbar.cli.lazy import LazyGroup

_COMMANDS = {
    "show": ("market.book", "show"),
    "why": ("market.why", "why"),
    "history": ("market.history", "history"),
    "gpu-classes": ("market.gpus", "gpu_classes"),
    "replay": ("market.replay", "replay"),
    "record": ("market.record", "record"),
}


class MarketGroup(LazyGroup):
    """What is no question of its own is a zone: `busbar market Sweden` shows its book."""

    commands_at = _COMMANDS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` before what names no question."""
        named = args[:1]
        if not named or (named[0] not in _COMMANDS and named[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.command(cls=MarketGroup)
def market() -> None:
    """Look at the market: the book, prices ahead and past, why an order waits.

    Without a command, or with a zone alone, it shows the book: `busbar market Sweden` is
    `busbar market show Sweden`.
    """
