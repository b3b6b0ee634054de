"""How a script is run: what `scriptPath` of a Job comes to inside the workload.

The image says how its scripts are run, by the label `busbar.dev/script-runner` (a command, words
separated by spaces); else the suffix decides, and for Python an image that sets SPARK_HOME, as the
published image of Apache Spark does, runs it with its spark-submit. Next: `containers.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object, annotations_of, spec_of
from busbar.model.wellknown import ANN_SCRIPT

LABEL_RUNNER = "busbar.dev/script-runner"
_BY_SUFFIX = {
    ".py": "python3",
    ".sh": "sh",
    ".js": "node",
    ".rb": "ruby",
    ".pl": "perl",
    ".R": "Rscript",
}


def script_command(pod: Object, image_config: dict[str, Any]) -> list[str]:
    """Give the command that runs the Pod's script; empty where it has none."""
    script = annotations_of(pod).get(ANN_SCRIPT)
    if not script:
        return []
    runner = (image_config.get("Labels") or {}).get(LABEL_RUNNER)
    suffix = Path(script).suffix
    if not runner and suffix == ".py":
        runner = _spark_submit(image_config)
    if not runner:
        runner = _BY_SUFFIX.get(suffix)
    if not runner:
        raise PodRefused(
            Reason.SCRIPT_NOT_FOUND,
            f"spec.scriptPath: the image does not say how to run {script}; "
            f"give it the label {LABEL_RUNNER}, or use spec.command instead",
        )
    return [*runner.split(), script]


def _spark_submit(image_config: dict[str, Any]) -> str | None:
    variables = dict(pair.partition("=")[::2] for pair in image_config.get("Env") or ())
    home = variables.get("SPARK_HOME")
    return f"{home}/bin/spark-submit" if home else None


def check_script(pod: Object, volumes: dict[str, Path]) -> None:
    """Refuse a Pod whose script is not there, before anything is started or billed."""
    script = annotations_of(pod).get(ANN_SCRIPT)
    if not script:
        return
    for container in spec_of(pod).get("containers") or ():
        for mount in container.get("volumeMounts") or ():
            below = _below(script, mount.get("mountPath", ""))
            folder = volumes.get(mount.get("name", ""))
            if below is None or folder is None:
                continue
            place = Path(os.path.normpath(folder / below))
            if place.is_relative_to(folder) and place.is_file():
                return
            bucket = mount["mountPath"].strip("/")
            raise PodRefused(
                Reason.SCRIPT_NOT_FOUND,
                f"spec.scriptPath: bucket {bucket} has no object {below}; "
                f"put it there, for example with `aws s3 cp FILE s3://{bucket}/{below}`",
            )


def _below(path: str, mount: str) -> str | None:
    prefix = mount.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None
