"""`busbar up`, `down`, `version`: the cloud on this machine. Next: `status.py`."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version as package_version
from typing import Any

import click

from busbar.cli import machines, processes
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, output_option
from busbar.model.errors import InvalidField
from busbar.model.gpus import read_gpu_classes
from busbar.server import settings as server_settings
from busbar.server.addresses import CannotStart, check_listen
from busbar.server.settings import ServerSettings


@click.command()
@click.option("--listen", metavar="ADDRESS", help="Address to listen on (default: all).")
@click.option("--api-port", type=click.IntRange(1, 65535), help="Port of the Kubernetes door.")
@click.option("--s3-port", type=click.IntRange(1, 65535), help="Port of the S3 door on loopback.")
@click.option("--s3-tls-port", type=click.IntRange(1, 65535), help="Port of the S3 door with TLS.")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A further name or address.")
@click.option("--fee", metavar="PERCENT", type=click.FloatRange(0, 50), help="Exchange fee.")
@click.option("--data-region", metavar="REGION", help="Region in which buckets are kept.")
@click.option("--data-vendor", metavar="VENDOR", help="Vendor who keeps them, if one does.")
@click.option(
    "--gpu-weight",
    "gpu_weights",
    multiple=True,
    metavar="CLASS=DTU",
    help="What an hour of a GPU of a class draws; of class default, any other.",
)
@click.option("--foreground", is_flag=True, help="Stay in the foreground.")
@pass_context
def up(context: Context, /, foreground: bool, fee: float | None, **options: Any) -> None:
    """Start the cloud on this machine; fine if it is up already."""
    require_root("busbar up")
    try:
        with processes.only_one(context.data / ".up.lock"):
            # Read only now: another `busbar up` may just have written them.
            settings = _changed(context.settings, fee, options)
            was_up = _ensure_up(context.settings, settings, foreground)
    except OSError as error:
        raise CliError(
            f"{context.data} cannot be written ({error.strerror}); "
            "choose another place with --data or BUSBAR_DATA",
            Exit.MACHINE,
        ) from None
    if was_up:
        click.echo(f"the cloud is up already, with its data in {settings.data}")
        return
    click.echo(f"the cloud is up; its data is in {settings.data}")
    click.echo(f"  kubectl:  export KUBECONFIG={settings.kubeconfig}")
    click.echo(f"  S3:       http://127.0.0.1:{settings.s3_port}")
    click.echo("  supply:   busbar token --vendor NAME --region REGION, then busbar join")


def _ensure_up(known: ServerSettings, wanted: ServerSettings, foreground: bool) -> bool:
    """Start the cloud unless it runs, and wait until it answers. Says whether it ran."""
    runs = processes.running_pid(wanted.pid_file) is not None
    if runs and wanted != known:
        raise CliError(
            f"the cloud is up with other settings than these ({_differences(known, wanted)}); "
            "stop it with `busbar down` first, then repeat this",
            Exit.REFUSED,
        )
    if not runs:
        server_settings.save(wanted)
        wanted.ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "busbar.server", "--data", wanted.data]
        if foreground:
            processes.write_pid(wanted.pid_file, os.getpid())
            os.execv(command[0], command)
        processes.start(command, wanted.log_file, wanted.pid_file)
    processes.wait_until(
        wanted.ready_file.exists, wanted.pid_file, wanted.log_file, "the cloud", 60
    )
    return runs


def _differences(known: ServerSettings, wanted: ServerSettings) -> str:
    return ", ".join(
        f"{field} is {getattr(known, field)}"
        for field in known.__struct_fields__
        if getattr(known, field) != getattr(wanted, field)
    )


@click.command()
@click.option("--purge", is_flag=True, help="Delete the data directory as well.")
@pass_context
def down(context: Context, purge: bool) -> None:
    """Stop the cloud and the agents of this machine; data stays unless --purge."""
    require_root("busbar down")
    settings = context.settings
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
@output_option
def version(output: str) -> None:
    """Print the version."""
    found = package_version("busbar")
    if output == "table":
        click.echo(f"busbar {found}")
    else:
        emit(output, {"version": found}, (), [])


def require_root(what: str) -> None:
    """End the command where it needs root and has not got it."""
    if os.geteuid() != 0:
        raise CliError(f"{what} needs root: run it with sudo", Exit.MACHINE)


def _weights(stated: tuple[str, ...]) -> dict[str, str]:
    """Read CLASS=DTU as the settings keep it."""
    found = dict(text.partition("=")[::2] for text in stated)
    try:
        read_gpu_classes(found, "--gpu-weight")
    except InvalidField as error:
        raise CliError(f"{error}; write CLASS=DTU, such as A100=39", Exit.USAGE) from None
    return found


def _changed(
    settings: ServerSettings, fee: float | None, options: dict[str, Any]
) -> ServerSettings:
    changes = {name: value for name, value in options.items() if value is not None and value != ()}
    if "names" in changes:
        changes["names"] = sorted({*settings.names, *changes["names"]})
    if "gpu_weights" in changes:
        changes["gpu_weights"] = settings.gpu_weights | _weights(changes["gpu_weights"])
    if "listen" in changes:
        try:
            check_listen(changes["listen"])
        except CannotStart as error:
            raise CliError(str(error), Exit.USAGE) from None
    if fee is not None:
        changes["fee_ppm"] = round(fee * 10_000)
    return server_settings.replace(settings, **changes)
