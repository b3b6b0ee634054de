"""`busbar up`, `down`, `version`: the cloud on this machine. Next: `status.py`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import click

from busbar.cli import machines, processes
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.server import settings as server_settings
from busbar.server.settings import ServerSettings


@click.command()
@click.option("--listen", metavar="ADDRESS", help="Address to listen on (default: all).")
@click.option("--api-port", type=click.IntRange(1, 65535), help="Port of the Kubernetes door.")
@click.option("--s3-port", type=click.IntRange(1, 65535), help="Port of the S3 door on loopback.")
@click.option("--s3-tls-port", type=click.IntRange(1, 65535), help="Port of the S3 door with TLS.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A further name or address.")
@click.option("--fee", metavar="PERCENT", type=click.FloatRange(0, 50), help="Exchange fee.")
@click.option("--foreground", is_flag=True, help="Stay in the foreground.")
@pass_context
def up(context: Context, /, foreground: bool, fee: float | None, **options: Any) -> None:
    """Start the cloud on this machine; fine if it is up already."""
    require_root("busbar up")
    settings = _settings(context.data, fee, options)
    if processes.running_pid(settings.pid_file) is not None:
        click.echo(f"the cloud is up already, with its data in {settings.data}")
        return
    try:
        server_settings.save(settings)
    except OSError as error:
        raise CliError(
            f"{settings.data} cannot be written ({error.strerror}); "
            "choose another place with --data or BUSBAR_DATA",
            Exit.MACHINE,
        ) from None
    command = [sys.executable, "-m", "busbar.server", "--data", settings.data]
    if foreground:
        os.execv(command[0], command)
    settings.ready_file.unlink(missing_ok=True)
    processes.start(command, settings.log_file, settings.pid_file)
    processes.wait_until(
        settings.ready_file.exists, settings.pid_file, settings.log_file, "the cloud", 60
    )
    click.echo(f"the cloud is up; its data is in {settings.data}")
    click.echo(f"  kubectl:  export KUBECONFIG={settings.kubeconfig}")
    click.echo(f"  S3:       http://127.0.0.1:{settings.s3_port}")
    click.echo("  supply:   busbar token --vendor NAME --region REGION, then busbar join")


@click.command()
@click.option("--purge", is_flag=True, help="Delete the data directory as well.")
@pass_context
def down(context: Context, purge: bool) -> None:
    """Stop the cloud and the agents of this machine; data stays unless --purge."""
    require_root("busbar down")
    settings = server_settings.load(context.data)
    stopped = machines.stop_all(context.data)
    if processes.stop(settings.pid_file):
        stopped.append("the cloud")
    settings.ready_file.unlink(missing_ok=True)
    machines.remove_networks(context.data)
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    if purge:
        leftover = machines.mounts_below(context.data)
        if leftover:
            raise CliError(f"{leftover[0]} is still mounted; unmount it, then run this again")
        shutil.rmtree(context.data, ignore_errors=True)
        click.echo(f"deleted {context.data}")


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table")
def version(output: str) -> None:
    """Print the version."""
    found = package_version("busbar")
    if output == "json":
        click.echo(json.dumps({"version": found}))
    elif output == "yaml":
        click.echo(f"version: {found}")
    else:
        click.echo(f"busbar {found}")


def require_root(what: str) -> None:
    """End the command where it needs root and has not got it."""
    if os.geteuid() != 0:
        raise CliError(f"{what} needs root: run it with sudo", Exit.MACHINE)


def _settings(data: Path, fee: float | None, options: dict[str, Any]) -> ServerSettings:
    try:
        settings = server_settings.load(data)
    except server_settings.SettingsInvalid as error:
        raise CliError(str(error), Exit.USAGE) from None
    changes = {name: value for name, value in options.items() if value is not None and value != ()}
    if "names" in changes:
        changes["names"] = sorted({*settings.names, *changes["names"]})
    if fee is not None:
        changes["fee_ppm"] = round(fee * 10_000)
    return server_settings.replace(settings, **changes)
