"""The Spark job without the cloud: the same image's tree, the same spark-submit, by chroot.

What the cloud adds (isolation, limits, the bucket as a folder) is then the only difference to the
job it runs. `run_bare` gives the seconds; as a command it prints them:

    spark_bare.py STORE MYJOBS    an image store with apache/spark; a folder that becomes /myjobs
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from busbar.agent.images.extract import Limits
from busbar.agent.images.sources import open_file
from busbar.agent.images.unpack import unpack_layer
from busbar.images.reference import parse_reference
from busbar.images.store import ImageStore

SPARK = "apache/spark"

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")

# The last command is given as arguments: nothing of it is parsed again.
_RUN = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
mount -t proc proc "$WORK/root/proc"
mount --rbind /dev "$WORK/root/dev"
mkdir "$WORK/root/myjobs"
mount --rbind "$MYJOBS" "$WORK/root/myjobs"
printf '127.0.0.1 localhost %s\\n' "$(hostname)" > "$WORK/root/etc/hosts"
cd "$WORK/root"
exec chroot --userspec=185:185 "$WORK/root" /usr/bin/env -i HOME=/tmp "$@"
"""


def unpack_image(store: ImageStore, target: Path) -> tuple[list[Path], list[str]]:
    """Unpack the Spark image of a store; gives its layers, lowest first, and its environment."""
    descriptor = store.find(parse_reference(SPARK))
    if descriptor is None:
        raise SystemExit(f"{SPARK} is not in the store: `busbar image build images/spark` first.")
    manifest = store.manifest(descriptor)
    config = json.loads(store.layout.blob(manifest["config"]["digest"]).read_bytes())
    folders = []
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        folder = target / diff_id[7:39]
        folder.mkdir()
        with open_file(store.layout.blob(layer["digest"]), 1 << 36) as source:
            unpack_layer(source, folder, diff_id, Limits())
        folders.append(folder)
    return folders, config["config"]["Env"]


def run_in_tree(
    layers: list[Path],
    environment: list[str],
    myjobs: Path,
    command: list[str],
    log: Path = Path(os.devnull),
) -> float:
    """Run a command as the image's user in a throw-away copy of its tree; gives the seconds."""
    with tempfile.TemporaryDirectory() as work, open(log, "ab") as output:
        started = time.perf_counter()
        subprocess.run(
            [*_NAMESPACES, "bash", "-c", _RUN, "bash", *environment, *command],
            check=True,
            stdout=output,
            stderr=output,
            env={
                "PATH": os.environ["PATH"],
                "LOWER": ":".join(str(layer) for layer in reversed(layers)),
                "WORK": work,
                "MYJOBS": str(myjobs),
            },
        )
        return time.perf_counter() - started


def run_bare(
    layers: list[Path], environment: list[str], myjobs: Path, log: Path = Path(os.devnull)
) -> float:
    """Run the Spark example; gives its wall time in seconds."""
    variables = [*environment, "INPUT=/myjobs/data"]
    command = ["spark-submit", "/myjobs/spark/script.py"]
    return run_in_tree(layers, variables, myjobs, command, log)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the Spark example without the cloud.")
    parser.add_argument("store", type=Path)
    parser.add_argument("myjobs", type=Path)
    parser.add_argument("--times", type=int, default=1)
    args = parser.parse_args()
    target = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    try:
        layers, environment = unpack_image(ImageStore(args.store), target)
        for _ in range(args.times):
            print(f"{run_bare(layers, environment, args.myjobs):.2f} s", flush=True)
    finally:
        shutil.rmtree(target)


if __name__ == "__main__":
    main()
