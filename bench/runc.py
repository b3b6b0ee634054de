"""runc alone, as the floor: a plain bundle whose program ends at once, nothing around it.

Says how busy the machine was during a run: what Busbar adds is at most the difference.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.options import Unavailable


@contextlib.contextmanager
def bundle() -> Iterator[Callable[[], float]]:
    """Make a bundle; gives what runs it once and says the milliseconds it took."""
    busybox = shutil.which("busybox")
    if busybox is None or shutil.which("runc") is None:
        raise Unavailable("runc or busybox is not installed")
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-runc-"))
    try:
        (folder / "rootfs" / "bin").mkdir(parents=True)
        shutil.copy(busybox, folder / "rootfs" / "bin" / "true")
        subprocess.run(["runc", "spec"], cwd=folder, check=True)
        config = json.loads((folder / "config.json").read_text())
        config["process"] |= {"terminal": False, "args": ["/bin/true"]}
        config["process"].pop("rlimits", None)
        (folder / "config.json").write_text(json.dumps(config))
        yield lambda: _run(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path) -> float:
    command = ["runc", "--root", str(folder / "state"), "run", "--bundle", str(folder), "alone"]
    begin = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = (time.perf_counter() - begin) * 1000
    if done.returncode:
        raise Unavailable(f"runc: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return took
