"""What every command is handed: where the cloud's data and kubeconfig are.

Next: the commands, one file per noun.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from busbar.cli.client import Client, make_namespace
from busbar.cli.credentials import kubeconfig_path
from busbar.cli.errors import CliError, Exit
from busbar.server import settings as server_settings
from busbar.server.settings import ServerSettings, SettingsInvalid, data_directory


class Context:
    """The options before the command: data directory, kubeconfig, namespace."""

    def __init__(self, data: str | None, kubeconfig: str | None, namespace: str | None) -> None:
        self.data: Path = data_directory(data)
        self._kubeconfig = kubeconfig
        self._namespace = namespace

    @cached_property
    def client(self) -> Client:
        """Connect to the cloud."""
        return Client(kubeconfig_path(self._kubeconfig, self.data))

    @cached_property
    def settings(self) -> ServerSettings:
        """Read the settings of the cloud in the data directory."""
        try:
            return server_settings.load(self.data)
        except SettingsInvalid as error:
            raise CliError(str(error), Exit.USAGE) from None
        except OSError as error:
            raise CliError(
                f"{self.data} cannot be read ({error.strerror}); "
                "name a data directory with --data or BUSBAR_DATA",
                Exit.MACHINE,
            ) from None

    @property
    def namespace(self) -> str:
        """Give the namespace asked for, else the kubeconfig's."""
        return self._namespace or self.client.namespace

    @property
    def named_namespace(self) -> str:
        """Give the namespace that was named on the command line, "" where none was."""
        return self._namespace or ""

    def in_namespace(self, namespace: str | None) -> Context:
        """Take a command's own -n, which wins over the one before the command."""
        if namespace:
            self._namespace = namespace
        return self

    def require_namespace(self, namespace: str | None = None) -> None:
        """End the command where the namespace does not exist; for whoever may know that."""
        name = namespace or self.namespace
        try:
            self.client.get(f"/api/v1/namespaces/{quote(name, safe='')}")
        except CliError as error:
            if error.code is Exit.NOT_FOUND:
                said = f"there is no namespace {name}; {make_namespace(name)}"
                raise CliError(said, Exit.NOT_FOUND) from None
            if error.code is not Exit.REFUSED:
                raise


pass_context = click.make_pass_decorator(Context)


def namespace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-n/--namespace` to a command."""
    return click.option("-n", "--namespace", metavar="NS", help="Namespace to work in.")(command)
