"""What the commands that move money share: key, reason, and the entry they show.

Next: `money.py`.
"""

from __future__ import annotations

import click

from busbar.cli import clock
from busbar.cli.client import Json
from busbar.cli.context import Context
from busbar.cli.output import emit, hint


def key_option(command: click.decorators.FC) -> click.decorators.FC:
    """Add `--key`: with it, a command that is repeated moves money once."""
    return click.option(
        "--key", metavar="TEXT", help="Idempotency key: the same again has no further effect."
    )(command)


def reason_option(command: click.decorators.FC) -> click.decorators.FC:
    """Add `--reason`, which stays in the journal."""
    return click.option(
        "--reason", metavar="TEXT", required=True, help="Why; shown on statements and invoices."
    )(command)


def entered(context: Context, what: str, body: Json, key: str | None, output: str) -> Json:
    """Have a movement of money entered, and show its entry."""
    done = context.client.post(
        f"/money/v1/{what}", {**body, "idempotencyKey": key or f"cli/{clock.now()}"}
    )
    if done["repeated"]:
        hint("that was entered under the same key before; once is enough")
    rows = [(posting["account"], posting["euro"]) for posting in done["postings"]]
    emit(output, done, ("account", "moved €"), rows)
    if output == "table":
        hint(f"entry {done['seq']}: {done['id']}")
    return done
