"""The Spark job bought on the exchange, against the same spark-submit run bare.

Same image, same script, same input; bare means a chroot into the image's tree with the input in a
plain folder (`spark_bare.py`). Bought and bare take turns, after one run of each that is not
counted: it brings the image to the node and warms the page cache. The time of the bought one is
that of an outsider: from the accepted manifest to the watch that says Succeeded.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import yaml
from bench.cloud import NAMESPACE, ROOT, BenchCloud, bench_cloud, build_image, existing_store
from bench.options import Unavailable
from bench.report import Row, at_most, shown
from bench.spark_bare import SPARK, run_bare, unpack_image

from busbar.cli.client import namespaced
from busbar.cli.manifests import TextTimestamps
from busbar.cli.storage import environment
from busbar.images.store import ImageStore
from busbar.model.time import DAY, format_instant

GOAL = 1.15
MEGABYTES = 64
TIMES = 7
BUCKET = "myjobs"
SECONDS_MAX = 600.0


def rows() -> list[Row]:
    """Measure; gives the rows of the table."""
    images = existing_store(SPARK)
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    try:
        myjobs = _input(folder / "myjobs")
        with bench_cloud(images) as cloud:
            if images is None:
                build_image(cloud, "spark")
            tree = folder / "tree"
            tree.mkdir()
            layers, variables = unpack_image(ImageStore(cloud.settings.images), tree)
            _prepare(cloud, myjobs)
            bought, bare = [], []
            for turn in range(TIMES + 1):
                bought.append(_buy(cloud, f"wordcount-{turn}"))
                bare.append(run_bare(layers, variables, myjobs))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours, theirs = statistics.median(bought[1:]), statistics.median(bare[1:])
    return [
        at_most("spark ÷ bare", ours / theirs, "x", GOAL),
        shown("spark, bought", ours, "s", "spark-submit bare", theirs),
        shown("spark, first on a node", bought[0], "s", "spark-submit bare, first", bare[0]),
    ]


def _input(folder: Path) -> Path:
    """Write the corpus and the script as they lie in the bucket."""
    (folder / "spark").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "spark" / "script.py", folder / "spark")
    generator = [sys.executable, str(ROOT / "examples" / "spark" / "corpus.py")]
    generator += [str(folder / "data"), "--megabytes", str(MEGABYTES)]
    subprocess.run(generator, check=True, stdout=subprocess.DEVNULL)
    # The image's user writes its result here.
    folder.chmod(0o777)
    folder.parent.chmod(0o755)
    return folder


def _prepare(cloud: BenchCloud, myjobs: Path) -> None:
    cloud.join("bench-1", cpu=2)
    cloud.sell()
    cloud.open_namespace()
    cloud.busbar("-n", NAMESPACE, "bucket", BUCKET, "--create")
    from busbar.cli.context import Context

    found = environment(Context(str(cloud.data), None, NAMESPACE))
    s3 = boto3.client(
        "s3",
        endpoint_url=found["AWS_ENDPOINT_URL"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        region_name=found["AWS_REGION"],
    )
    for path in sorted(myjobs.rglob("*")):
        if path.is_file():
            s3.upload_file(str(path), BUCKET, str(path.relative_to(myjobs)))


def _buy(cloud: BenchCloud, name: str) -> float:
    """Submit the job of the quickstart; gives the seconds from accepted to succeeded."""
    text = (ROOT / "examples" / "quickstart" / "job.yaml").read_text()
    manifest: dict[str, Any] = yaml.load(text, Loader=TextTimestamps)
    manifest["metadata"] = {"name": name, "namespace": NAMESPACE}
    manifest["spec"]["notAfter"] = format_instant(time.time_ns() // 1_000_000 + DAY)
    collection = namespaced(
        NAMESPACE, "jobs", api="/apis/strongmoose.dsoderlund.consulting/v1alpha1"
    )
    accepted = cloud.client.post(collection, manifest)
    begin = time.perf_counter()
    revision = accepted["metadata"]["resourceVersion"]
    while time.perf_counter() - begin < SECONDS_MAX:
        query = {"fieldSelector": f"metadata.name={name}", "timeoutSeconds": "60"}
        for event in cloud.client.watch(collection, resourceVersion=revision, **query):
            status = event["object"].get("status") or {}
            revision = event["object"]["metadata"]["resourceVersion"]
            if status.get("phase") == "Succeeded":
                return time.perf_counter() - begin
            if status.get("phase") in ("Failed", "Expired"):
                raise Unavailable(f"the job failed: {status.get('message')}")
    raise Unavailable(f"the job did not end within {SECONDS_MAX:.0f} s: {status.get('message')}")
