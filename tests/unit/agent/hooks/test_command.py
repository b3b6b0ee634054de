"""How a script is run, and that it is there before anything is billed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.agent.conftest import pod

from busbar.agent.hooks.command import check_script, script_command
from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object


def scripted(script: str | None, mount: str = "/data") -> Object:
    mounts = [{"name": "b", "mountPath": mount}]
    made = pod(containers=[{"name": "main", "image": "i", "volumeMounts": mounts}])
    if script is not None:
        made["metadata"]["annotations"]["busbar.dev/script"] = script
    return made


@pytest.mark.parametrize(
    ("script", "image", "command"),
    [
        (None, {}, []),
        ("/data/a.py", {}, ["python3", "/data/a.py"]),
        ("/data/a.sh", {}, ["sh", "/data/a.sh"]),
        (
            "/data/a.py",
            {"Labels": {"busbar.dev/script-runner": "run --fast"}},
            ["run", "--fast", "/data/a.py"],
        ),
        (
            "/data/a.py",
            {"Env": ["SPARK_HOME=/opt/spark"]},
            ["/opt/spark/bin/spark-submit", "/data/a.py"],
        ),
        ("/data/a.sh", {"Env": ["SPARK_HOME=/opt/spark"]}, ["sh", "/data/a.sh"]),
    ],
)
def test_the_image_or_the_suffix_says_how(
    script: str | None, image: dict[str, Any], command: list[str]
) -> None:
    assert script_command(scripted(script), image) == command


def test_a_script_of_no_known_kind_is_refused() -> None:
    with pytest.raises(PodRefused, match=r"busbar\.dev/script-runner") as caught:
        script_command(scripted("/data/a.xyz"), {})
    assert caught.value.reason is Reason.SCRIPT_NOT_FOUND


@pytest.mark.parametrize("mount", ["/data", "/data/"])
def test_a_script_that_is_there_passes(tmp_path: Path, mount: str) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/a.py").touch()
    check_script(scripted("/data/jobs/a.py", mount), {"b": tmp_path})


@pytest.mark.parametrize("script", ["/data/nosuch.py", "/data/jobs", "/data/../outside.py"])
def test_a_script_that_is_not_there_is_refused_with_the_way_to_put_it(
    tmp_path: Path, script: str
) -> None:
    volume = tmp_path / "volume"
    (volume / "jobs").mkdir(parents=True)
    (tmp_path / "outside.py").touch()
    with pytest.raises(PodRefused, match="aws s3 cp FILE s3://data/") as caught:
        check_script(scripted(script), {"b": volume})
    assert caught.value.reason is Reason.SCRIPT_NOT_FOUND


def test_a_script_of_the_image_is_the_images_matter() -> None:
    check_script(scripted("/app/a.py"), {})
    check_script(scripted(None), {})
