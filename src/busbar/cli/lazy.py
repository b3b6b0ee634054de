"""Commands imported only when they are used: `busbar status` must not wait for numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click


class LazyGroup(click.Group):
    """A group whose commands are named with their module below `busbar.cli`, and attribute."""

    commands_at: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in the order in which they are wanted."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give a command."""
        if cmd_name not in self.commands_at:
            return None
        module_name, attribute = self.commands_at[cmd_name]
        module = __import__(f"busbar.cli.{module_name}", fromlist=[attribute])
        command = getattr(module, attribute)
        assert isinstance(command, click.Command)
        return command
