"""Which OCI runtime an agent takes, and that it takes none which does not do what it is told."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.contract.runtimes.promises import UID, Program, started
from tests.e2e.runtimes.conftest import RuncStage

from busbar.agent.runtimes.contract import RuntimeFailed

LAX = """#!/bin/sh
for word; do [ "$before" = --bundle ] && bundle=$word; before=$word; done
sed -i 's/"noNewPrivileges": *true/"noNewPrivileges": false/' "$bundle/config.json"
exec {crun} "$@"
"""


def shim_order(stage: RuncStage, container_id: str) -> str:
    path = next(stage.directory.glob(f"*/containers/{container_id}/shim.json"))
    return path.read_text()


@pytest.fixture
def lax_crun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a crun first on the path that leaves something out."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "crun").write_text(LAX.format(crun=shutil.which("crun")))
    (folder / "crun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "crun"


async def test_left_the_choice_crun_is_taken(stage: RuncStage) -> None:
    stage.engine = "auto"
    await stage.restart()
    spec = await started(stage, Program.FOREVER)
    assert str(shutil.which("crun")) in shim_order(stage, spec.id)


async def test_a_crun_that_leaves_something_out_is_not_taken(
    stage: RuncStage, lax_crun: Path
) -> None:
    stage.engine = "auto"
    await stage.restart()
    spec = await started(stage, Program.FOREVER)
    assert str(lax_crun) not in shim_order(stage, spec.id)
    assert str(shutil.which("runc")) in shim_order(stage, spec.id)


async def test_a_crun_that_is_insisted_on_but_unfit_is_refused(
    stage: RuncStage, lax_crun: Path
) -> None:
    stage.engine = "crun"
    await stage.runtime.close()
    with pytest.raises(RuntimeFailed, match="NoNewPrivs is 0"):
        await stage.open()
    stage.engine = "runc"
    await stage.open()
    assert stage.leftovers() == []


async def test_what_the_other_one_started_goes_on_and_is_removed(stage: RuncStage) -> None:
    spec = await started(stage, Program.FOREVER)
    stage.engine = "crun" if stage.engine == "runc" else "runc"
    await stage.restart()
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert status.state == "running"
    await stage.runtime.stop(spec.id, 10)
    ended = await stage.runtime.status(spec.id)
    assert ended is not None
    assert ended.exit_code == 143
    await stage.runtime.release(UID)
    assert stage.leftovers() == []
    assert list(stage.run.glob("*run*/*-main-0")) == []


async def test_a_check_is_not_repeated_for_the_same_program(stage: RuncStage) -> None:
    stage.engine = "crun"
    await stage.restart()
    (passed,) = stage.run.glob("*.passed")
    before = passed.stat().st_mtime_ns
    await stage.restart()
    assert passed.stat().st_mtime_ns == before
