"""How commands print: `-o table|json|yaml`, the same data each time.

Next: `main.py` and the commands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

FORMATS = ("table", "json", "yaml")


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o/--output` to a reading command."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print.",
    )(command)


def emit(output: str, data: Any, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print data as JSON or YAML, or the rows made of it as a table."""
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(_yaml(data), nl=False)
    else:
        print_table(columns, rows)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as kubectl does: no lines, columns wide apart, safe to cut with awk."""
    console = Console(
        highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 10_000
    )
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.upper(), no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    """Give a cell's text, without the control characters that a foreign name might carry."""
    text = "" if value is None else str(value)
    clean = "".join(char if char.isprintable() else "�" for char in text)
    return clean.replace("[", "\\[") or "-"


def _yaml(data: Any) -> str:
    import yaml  # Costly to import, and most commands print a table.

    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
