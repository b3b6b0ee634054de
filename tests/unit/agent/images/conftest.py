"""Tars as an attacker would write them, and a place to unpack them."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from busbar.agent.images.extract import Extracted, Limits
from busbar.agent.images.sources import open_stream
from busbar.agent.images.unpack import unpack_layer

Member = tuple[str, dict[str, object]]
Unpack = Callable[..., Extracted]


def make_tar(members: list[Member]) -> bytes:
    """A tar of (name, attributes); `data` is the content, the rest goes to TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, attributes in members:
            entry = tarfile.TarInfo(name)
            entry.uid, entry.gid = os.getuid(), os.getgid()
            data = attributes.pop("data", b"")
            assert isinstance(data, bytes)
            for key, value in attributes.items():
                setattr(entry, key, value)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the target which nothing may reach."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def target(tmp_path: Path, outside: Path) -> Path:
    """The empty folder that a layer is written to."""
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def unpack(target: Path) -> Unpack:
    """Unpack members (or raw bytes) into `target`."""

    def run(members: list[Member] | bytes, limits: Limits | None = None) -> Extracted:
        content = members if isinstance(members, bytes) else make_tar(members)
        diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
        limits = limits or Limits()
        reader = io.BufferedReader(io.BytesIO(content))  # type: ignore[type-var]
        return unpack_layer(open_stream(reader, limits.bytes), target, diff_id, limits)

    return run
