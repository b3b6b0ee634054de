#!/usr/bin/env python3
"""Write docs/cli.md from the commands themselves: .venv/bin/python scripts/document_cli.py

A test holds the page to what this gives, so run it after a change of a command, an option or an
exit code, and commit the result.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from busbar.cli import errors
from busbar.cli.main import cli

TARGET = Path(__file__).resolve().parents[1] / "docs" / "cli.md"

HEAD = """# Commands

Made by `scripts/document_cli.py` from the commands themselves; edit their help, not this page.

Options before the command hold for all of them: `busbar --data /tmp/bb status`. Reading commands
print a table to read, or with `-o json` and `-o yaml` the same data for programs. Results go to
standard output, everything else to standard error. Shell completion:
`eval "$(busbar completion bash)"`.
"""


def page() -> str:
    """Give the page."""
    parts = [HEAD, "## Exit codes\n", _table(("code", "name", "when"), exit_codes())]
    parts.append("An interrupted command (Ctrl-C) exits with 130 and may be run again.\n")
    parts.append("## Options before the command\n")
    parts.append(_table(("option", "meaning"), options(cli)))
    for path, command in commands(cli, ("busbar",)):
        parts.append(_section(path, command))
    return "\n".join(parts)


def commands(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command below a group, groups themselves left out, in their order."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield (*path, name), command
            yield from commands(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def options(command: click.Command) -> list[tuple[str, ...]]:
    """Give the options of a command as rows."""
    return [
        (f"`{_spelled(option)}`", _help(option))
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]


def exit_codes() -> list[tuple[str, ...]]:
    """Give the exit codes as rows; their meaning is the docstring below each member."""
    tree = ast.parse(inspect.getsource(errors.Exit)).body[0]
    assert isinstance(tree, ast.ClassDef)
    said: dict[str, str] = {"OK": "It worked."}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(before, ast.Assign) and isinstance(after, ast.Expr):
            name, text = before.targets[0], after.value
            assert isinstance(name, ast.Name)
            assert isinstance(text, ast.Constant)
            said[name.id] = str(text.value)
    return [(str(code.value), f"`{code.name}`", said[code.name]) for code in errors.Exit]


def _section(path: tuple[str, ...], command: click.Command) -> str:
    arguments = [_argument(p) for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join([*path, *(["[OPTIONS]"] if options(command) else []), *arguments])
    text = inspect.cleandoc(command.help or "")
    lines = [f"## {' '.join(path[1:])}\n", f"```\n{usage}\n```\n", f"{text}\n"]
    if options(command):
        lines.append(_table(("option", "meaning"), options(command)))
    return "\n".join(lines)


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    if isinstance(argument.type, click.Choice):
        name = "{" + "|".join(map(str, argument.type.choices)) + "}"
    return name if argument.required else f"[{name}]"


def _spelled(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {'|'.join(map(str, option.type.choices))}"
    is_number = isinstance(option.type, click.IntRange | click.FloatRange)
    kind = "N" if is_number else option.type.name.upper()
    return f"{names} {option.metavar or kind}"


def _help(option: click.Option) -> str:
    text = option.help or ("How to print." if "--output" in option.opts else "")
    assert text, f"{option.name} has no help"
    extra = []
    if option.required:
        extra.append("required")
    if isinstance(option.default, str | int) and not option.is_flag and option.show_default:
        extra.append(f"default: {option.default}")
    return f"{text} ({'; '.join(extra)})" if extra else text


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(page())


if __name__ == "__main__":
    main()
