"""`busbar market gpu-classes`: what an hour of a GPU draws. Next: `replay.py`."""

from __future__ import annotations

import click

from busbar.cli.context import Context, pass_context
from busbar.cli.output import emit, output_option


@click.command(short_help="What an hour of a GPU draws, by class.")
@output_option
@pass_context
def gpu_classes(context: Context, /, output: str) -> None:
    """Show the exchange's GPU classes: the DTU that an hour of one GPU draws.

    A node's class is the one whose name stands in its label nvidia.com/gpu.product, else in
    busbar.dev/gpu-class. `busbar up --gpu-weight CLASS=DTU` changes or adds one.
    """
    found = context.client.get("/market/v1/gpu-classes")
    rows: list[tuple[object, ...]] = list(found["dtuPerGpuHour"].items())
    emit(output, found, ("class", "DTU/h"), [*rows, ("any other", found["default"])])
