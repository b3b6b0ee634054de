"""How commands print: `-o table|json|yaml`, the same data each time.

Tables are plain text as kubectl's: safe to cut with awk, coloured only on a terminal.
Next: `main.py` and the commands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.cells import cell_len

FORMATS = ("table", "json", "yaml")
_GAP = "  "


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
    """Print a table without lines; an empty cell is a dash."""
    head = [column.upper() for column in columns]
    body = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(cell_len, cells)) for cells in zip(head, *body, strict=True)]
    click.secho(_line(head, widths), bold=True)
    for cells in body:
        click.echo(_line(cells, widths))


def hint(text: str) -> None:
    """Say what to do next; not part of the result, so on standard error."""
    click.echo(text, err=True)


def clean(value: object) -> str:
    """Give text without the control characters that a foreign name or message might carry."""
    return "".join(char if char.isprintable() else "�" for char in str(value))


def _cell(value: object) -> str:
    return clean("" if value is None else value) or "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _yaml(data: Any) -> str:
    import yaml  # Costly to import, and most commands print a table.

    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
