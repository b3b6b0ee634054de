"""The Spark image from the recipe, and the example in it, over a bucket mounted by s3fs.

Building the image takes minutes, so it is kept between runs of the tests (`BUSBAR_TEST_IMAGES`).
"""

from __future__ import annotations

import asyncio
import collections
import csv
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from busbar.agent import buckets
from busbar.agent.buckets import Wanted
from busbar.images.build import build
from busbar.images.store import ImageStore

ROOT = Path(__file__).parents[3]
KEPT = Path(os.environ.get("BUSBAR_TEST_IMAGES", "/var/tmp/busbar-test-images"))
KEY, SECRET = "SPARKTESTKEY", "a-secret-of-the-tests"


def module(path: Path) -> ModuleType:
    """A file of the project that is no part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


spark_bare = module(ROOT / "bench/spark_bare.py")
corpus = module(ROOT / "examples/spark/corpus.py")


@dataclass
class Tree:
    """The image's layers, unpacked, and its environment."""

    layers: list[Path]
    environment: list[str]

    def run(self, myjobs: Path, *command: str, **variables: str) -> str:
        """Run a command as the image's user; gives what it printed."""
        log = myjobs.parent / "log"
        log.unlink(missing_ok=True)
        more = [f"{name}={value}" for name, value in variables.items()]
        try:
            spark_bare.run_in_tree(
                self.layers, [*self.environment, *more], myjobs, list(command), log
            )
        except subprocess.CalledProcessError:
            pytest.fail(log.read_text()[-3000:])
        return log.read_text()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    store = ImageStore(KEPT)
    build(store, ROOT / "images/spark")
    return Tree(*spark_bare.unpack_image(store, tmp_path_factory.mktemp("spark")))


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that any user can reach."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "myjobs").mkdir()
        yield place / "myjobs"


@pytest.fixture
def bucket(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder as a bucket of a real S3 door."""
    command = [sys.executable, "-m", "busbar.apis.s3.standalone", "--data", str(tmp_path / "s3")]
    command += ["--key", f"{KEY}:{SECRET}:xyz", "--bucket", "xyz/myjobs"]
    door = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert door.stdout is not None
    endpoint = door.stdout.readline().strip()
    wanted = Wanted(endpoint, "myjobs", KEY, SECRET, folder, folder.parent / "scratch")
    asyncio.run(buckets.mount(wanted))
    yield folder
    asyncio.run(buckets.unmount(folder))
    door.terminate()
    door.wait()


def fill(folder: Path, megabytes: int, seed: int) -> collections.Counter[str]:
    """Write input and script; gives the right answer."""
    files = corpus.write_corpus(folder / "data", megabytes * 1_000_000, 3, seed)
    (folder / "spark").mkdir(exist_ok=True)
    (folder / "spark/script.py").write_bytes((ROOT / "examples/spark/script.py").read_bytes())
    return collections.Counter(word for path in files for word in path.read_text().split())


def top(folder: Path) -> list[tuple[str, int]]:
    (part,) = (folder / "out/wordcount/top").glob("part-*.csv")
    with open(part) as rows:
        return [(row["word"], int(row["count"])) for row in csv.DictReader(rows)]


def right(counts: collections.Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:100]


def test_the_word_count_over_a_bucket_is_right_each_time(tree: Tree, bucket: Path) -> None:
    for seed in (1, 2):
        counts = fill(bucket, 3, seed)
        said = tree.run(
            bucket, "/opt/entrypoint.sh", "spark-submit", "/myjobs/spark/script.py",
            INPUT="/myjobs/data",
        )  # fmt: skip
        assert f"{counts.total()} words, {len(counts)} of them different" in said
        assert top(bucket) == right(counts)
        assert sorted(path.name for path in (bucket / "out/wordcount").iterdir()) == [
            "top",
            "words",
        ]


def test_spark_starts_from_its_class_archive(tree: Tree, folder: Path) -> None:
    options = next(v for v in tree.environment if v.startswith("SPARK_SUBMIT_OPTS="))
    options = options.partition("=")[2] + " -Xshare:on -Xlog:class+load"
    said = tree.run(folder, "spark-submit", "--version", SPARK_SUBMIT_OPTS=options)
    assert "version 4.3.0" in said
    assert "org.apache.spark.deploy.SparkSubmit source: shared objects file (top)" in said


def test_the_entry_point_runs_anything_else_as_it_is(tree: Tree, folder: Path) -> None:
    assert tree.run(folder, "/opt/entrypoint.sh", "id", "-un") == "spark\n"


def test_the_entry_point_starts_driver_and_executor(tree: Tree, folder: Path) -> None:
    fake = folder / "java/bin/java"
    fake.parent.mkdir(parents=True)
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "bin/spark-submit").symlink_to("../java/bin/java")
    executor = tree.run(
        folder, "/opt/entrypoint.sh", "executor", JAVA_HOME="/myjobs/java",
        SPARK_EXECUTOR_MEMORY="1g", SPARK_DRIVER_URL="spark://driver", SPARK_EXECUTOR_ID="7",
        SPARK_JAVA_OPT_0="-Dfirst=1", SPARK_JAVA_OPT_1="-Dsecond=a b",
    )  # fmt: skip
    assert executor.startswith("-Dfirst=1 -Dsecond=a b -Xms1g -Xmx1g -cp ")
    assert "KubernetesExecutorBackend --driver-url spark://driver --executor-id 7" in executor
    driver = tree.run(
        folder, "/opt/entrypoint.sh", "driver", "--class", "Main", SPARK_HOME="/myjobs",
        SPARK_DRIVER_BIND_ADDRESS="10.0.0.1",
    )  # fmt: skip
    assert "spark.driver.bindAddress=10.0.0.1" in driver
    assert driver.endswith("--deploy-mode client --class Main\n")


def test_nothing_of_the_building_machine_is_in_the_image(tree: Tree) -> None:
    base = tree.layers[0]
    assert not (base / "etc/hostname").exists()
    assert not (base / "etc/resolv.conf").exists()
    assert all(path.is_symlink() or path.is_dir() for path in (base / "dev").iterdir())
    assert not any(path.is_file() for path in (base / "var/log").rglob("*"))


def test_the_corpus_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one = corpus.write_corpus(tmp_path / "one", 2_000_000, 2, 7)
    two = corpus.write_corpus(tmp_path / "two", 2_000_000, 2, 7)
    other = corpus.write_corpus(tmp_path / "other", 2_000_000, 2, 8)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert one[0].read_bytes() != other[0].read_bytes()
