"""A cloud without machines, as an operator has it: real processes, kubectl and aws."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.cloud.conftest import Cloud

from busbar.server.settings import ServerSettings, save

Start = Callable[[str, int], Cloud]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Prepare clouds by name and first port; those that are up at the end are taken down."""
    for command in ("kubectl", "aws"):
        beside = Path(shutil.which("python") or "").parent / command
        assert shutil.which(command) or beside.exists(), f"{command} is missing: run ./runtests"
    assert os.geteuid() == 0, "`busbar up` needs root: run these tests as root"
    made: list[Cloud] = []

    def prepare(name: str, port: int) -> Cloud:
        data = tmp_path_factory.mktemp(name)
        ports = {"api_port": port, "s3_port": port + 1, "s3_tls_port": port + 2}
        save(ServerSettings(data=str(data), listen="127.0.0.1", **ports))
        made.append(Cloud(data))
        return made[-1]

    yield prepare
    for cloud in made:
        cloud.busbar("down", code=None)


@pytest.fixture(scope="module")
def cloud(clouds: Start) -> Cloud:
    """A cloud that is up, with a namespace and ten euro."""
    one = clouds("one", 28443)
    one.busbar("up")
    one.kubectl("create", "namespace", "xyz")
    one.busbar("account", "-n", "xyz", "--top-up", "10", "--key", "first")
    return one
