"""What every command is handed: where the cloud's data and kubeconfig are.

Next: the commands, one file per noun.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from busbar.cli.client import Client, kubeconfig_path
from busbar.server.settings import data_directory


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

    @property
    def namespace(self) -> str:
        """Give the namespace asked for, else the kubeconfig's."""
        return self._namespace or self.client.namespace

    def in_namespace(self, namespace: str | None) -> Context:
        """Take a command's own -n, which wins over the one before the command."""
        if namespace:
            self._namespace = namespace
        return self


pass_context = click.make_pass_decorator(Context)


def namespace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-n/--namespace` to a command."""
    return click.option("-n", "--namespace", metavar="NS", help="Namespace to work in.")(command)
