"""`busbar image`: the cloud's own images. Next: `status.py`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from busbar.cli.cloud import require_root
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import emit, output_option
from busbar.images.build import BuildProgress, build
from busbar.images.obtain import obtain
from busbar.images.recipe import load_recipe
from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError
from busbar.images.store import ImageStore


@click.group()
def image() -> None:
    """List, build, import, pull, export and remove the cloud's images."""


@image.command("list")
@output_option
@pass_context
def image_list(context: Context, /, output: str) -> None:
    """List the images that nodes can fetch from this cloud."""
    found = _store(context).images()
    rows = [(item.name, item.digest[:19], f"{item.size_bytes / 1e6:.0f} MB") for item in found]
    emit(output, [asdict(item) for item in found], ("name", "digest", "size"), rows)


@image.command("build")
@click.argument("recipe", type=click.Path(exists=True, file_okay=False, path_type=Path))
@pass_context
def image_build(context: Context, /, recipe: Path) -> None:
    """Build the image of a recipe folder; what an interrupted build finished is kept."""
    require_root("busbar image build")
    images = context.settings.images
    _refusing(lambda: build_with_progress(images, recipe, "", Console(highlight=False)))


@image.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--name", metavar="NAME", help="Name to store it under (default: its own).")
@pass_context
def image_import(context: Context, /, file: Path, name: str | None) -> None:
    """Import a docker-archive, an oci-archive or an OCI layout folder."""
    require_root("busbar image import")
    _refusing(lambda: click.echo(_store(context).import_file(file, name).name))


@image.command("pull")
@click.argument("name")
@pass_context
def image_pull(context: Context, /, name: str) -> None:
    """Fetch an image from the registry that its name says."""
    require_root("busbar image pull")
    _refusing(lambda: click.echo(_store(context).pull(parse_reference(name)).name))


@image.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def image_export(context: Context, /, name: str, file: Path) -> None:
    """Write an image to a file that docker, podman and skopeo can read."""
    _refusing(lambda: _store(context).export(parse_reference(name), file))
    click.echo(f"wrote {file}")


@image.command("remove")
@click.argument("name")
@pass_context
def image_remove(context: Context, /, name: str) -> None:
    """Remove an image."""
    require_root("busbar image remove")
    _refusing(lambda: click.echo(f"removed {_store(context).remove(parse_reference(name)).name}"))


def build_with_progress(directory: Path, recipe: Path, name: str, console: Console) -> None:
    """Build an image with a progress bar; one with a `name` may be there, or in a registry."""
    store = ImageStore(directory)
    if name and store.find(parse_reference(name)) is not None:
        console.print(f"  {name} is in the image store already")
        return
    title = str(load_recipe(recipe).reference)
    bar = Progress(
        TextColumn("  building {task.fields[name]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %  {task.description}"),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("", total=1.0, name=title)

        def report(progress: BuildProgress) -> None:
            said = f"{progress.number}/{progress.count} {progress.title}"
            bar.update(task, completed=progress.fraction, description=said)
            if not console.is_terminal:
                _log_line(console, progress)

        try:
            built = (obtain if name else build)(store, recipe, report)
        except ImageError as error:
            raise CliError(error.sentence) from None
        bar.update(task, completed=1.0, description="done")
    console.print(f"  {built.name} is in the image store, {built.size_bytes / 1e6:.0f} MB")


_LAST_TENTH: dict[str, int] = {}


def _log_line(console: Console, progress: BuildProgress) -> None:
    """Where nothing can be redrawn, say a line each tenth."""
    tenth = int(progress.fraction * 10)
    if _LAST_TENTH.get(progress.name) != tenth:
        _LAST_TENTH[progress.name] = tenth
        console.print(f"  {progress}", markup=False)


def _store(context: Context) -> ImageStore:
    return ImageStore(context.settings.images)


def _refusing(act: object) -> None:
    """Run an action; an image refusal ends the command with its sentence."""
    assert callable(act)
    try:
        act()
    except ImageError as error:
        raise CliError(error.sentence, Exit.REFUSED) from None
