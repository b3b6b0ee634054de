"""Commands as a user types them, against a cloud of a few lines."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.fakes import FakeCloud, FakeConnection, Result

from busbar.cli.main import run

Busbar = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose cloud answers, as far as its kubeconfig says."""
    place = tmp_path / "data"
    place.mkdir()
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://cloud.test:6443"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "xyz"}}],
        "current-context": "x",
    }
    (place / "kubeconfig").write_text(json.dumps(config))
    return place


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """The cloud that commands reach, with the namespace xyz."""
    fake = FakeCloud()
    fake.add("/api/v1/namespaces/xyz")
    monkeypatch.setattr(FakeConnection, "cloud", fake, raising=False)
    monkeypatch.setattr(http.client, "HTTPSConnection", FakeConnection)
    return fake


@pytest.fixture
def busbar(
    data: Path,
    cloud: FakeCloud,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Busbar:
    """Run a command as root."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("BUSBAR_DEBUG", raising=False)
    monkeypatch.setenv("HOME", str(data))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def command(*arguments: str | Path) -> Result:
        capfd.readouterr()
        code = run(["--data", str(data), *map(str, arguments)])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return command
