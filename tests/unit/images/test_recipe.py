"""Recipes: what is in the project loads, what is wrong is named, and keys follow the content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from busbar.images.build import BuildProgress, Meter
from busbar.images.recipe import layer_keys, load_recipe
from busbar.images.refusals import ImageError, ImageRefusal

RECIPES = Path(__file__).parents[3] / "images"


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("spark", "docker.io/apache/spark:latest"),
        ("busybox", "docker.io/library/busybox:latest"),
        ("debian", "docker.io/library/debian:bookworm-slim"),
    ],
)
def test_the_recipes_of_the_project_load(directory: str, name: str) -> None:
    assert str(load_recipe(RECIPES / directory).reference) == name


def test_the_spark_image_says_how_its_scripts_are_run() -> None:
    config = load_recipe(RECIPES / "spark").config.as_oci()
    assert config["Labels"]["busbar.dev/script-runner"] == "spark-submit"
    assert config["User"] == "185"
    assert "SPARK_HOME=/opt/spark" in config["Env"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "name"),
        ('name = "a"\nlayers = []', "layers"),
        ('name = "a"\n[[layers]]\ntitle = "t"\nstep = "magic"', "step"),
        ('name = "a"\ncolour = "red"\n[[layers]]\ntitle = "t"\nstep = "files"', "colour"),
        ("name = ", "recipe.toml"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_field(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(ImageError) as caught:
        load_recipe(tmp_path)
    assert caught.value.refusal is ImageRefusal.BUILD_FAILED
    assert named in caught.value.sentence


def test_a_directory_without_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        load_recipe(tmp_path)
    assert caught.value.refusal is ImageRefusal.NOT_FOUND


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A copy of the Spark recipe that may be changed."""
    return Path(shutil.copytree(RECIPES / "spark", tmp_path / "recipe"))


def keys(directory: Path) -> list[str]:
    return layer_keys(directory, load_recipe(directory))


def changed(before: list[str], after: list[str]) -> list[bool]:
    return [one != other for one, other in zip(before, after, strict=True)]


def test_a_changed_file_changes_its_layer_and_those_above(recipe: Path) -> None:
    before = keys(recipe)
    (recipe / "rootfs/opt/entrypoint.sh").write_text("#!/bin/sh\n")
    assert changed(before, keys(recipe)) == [False, False, True, True]


def test_what_is_only_shown_changes_no_layer(recipe: Path) -> None:
    before = keys(recipe)
    text = (recipe / "recipe.toml").read_text()
    (recipe / "recipe.toml").write_text(text.replace("Debian packages", "Packages of Debian"))
    assert changed(before, keys(recipe)) == [False] * 4


def test_progress_reads_as_one_line() -> None:
    progress = BuildProgress("docker.io/apache/spark:latest", 2, 5, "Debian packages", 0.38)
    line = "building docker.io/apache/spark:latest: 2/5 Debian packages … 38 %"
    assert str(progress) == line


def test_progress_never_goes_back(recipe: Path) -> None:
    seen: list[BuildProgress] = []
    meter = Meter(load_recipe(recipe), seen.append)
    for part in (0.1, 0.8, 0.3, 0.9):
        meter.at(1, part)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[1] == fractions[2] < fractions[3]
