"""How an image's config decides what runs a job's script."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.agent.hooks.command import script_command
from busbar.agent.refusals import PodRefused


def command(script: str, **config: Any) -> list[str]:
    pod = {"metadata": {"annotations": {"busbar.dev/script": script}}}
    return script_command(pod, config)


def test_the_label_of_the_image_decides() -> None:
    labels = {"busbar.dev/script-runner": "spark-submit --verbose"}
    found = command("/myjobs/a.py", Labels=labels, Env=["SPARK_HOME=/opt/spark"])
    assert found == ["spark-submit", "--verbose", "/myjobs/a.py"]


def test_an_image_with_a_spark_home_submits_python_to_it() -> None:
    found = command("/myjobs/a.py", Env=["PATH=/bin", "SPARK_HOME=/opt/spark"])
    assert found == ["/opt/spark/bin/spark-submit", "/myjobs/a.py"]


def test_otherwise_the_suffix_decides() -> None:
    assert command("/myjobs/a.py", Env=None) == ["python3", "/myjobs/a.py"]
    assert command("/myjobs/a.sh", Env=["SPARK_HOME=/opt/spark"]) == ["sh", "/myjobs/a.sh"]


def test_a_script_of_an_unknown_kind_names_the_label() -> None:
    with pytest.raises(PodRefused, match=r"busbar\.dev/script-runner"):
        command("/myjobs/a.cobol")
