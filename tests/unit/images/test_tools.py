"""Programs that make layers: their progress, their failures, their absence."""

from __future__ import annotations

from pathlib import Path

import pytest

from busbar.images import skopeo
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.tools import run_tool


def run(tmp_path: Path, *command: str) -> list[float]:
    seen: list[float] = []
    log = tmp_path / "log"
    run_tool(list(command), log, done=lambda lines: lines / 2, report=seen.append)
    return seen


def test_lines_are_progress_that_never_says_done(tmp_path: Path) -> None:
    assert run(tmp_path, "seq", "5")[-1] == 0.99
    assert (tmp_path / "log").read_text() == "1\n2\n3\n4\n5\n"


def test_a_failure_is_told_by_its_telling_line(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        run(tmp_path, "sh", "-c", "echo start; echo 'E: no such package'; echo bye; exit 3")
    assert caught.value.refusal is ImageRefusal.BUILD_FAILED
    assert "E: no such package" in caught.value.sentence
    assert str(tmp_path / "log") in caught.value.sentence


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        run(tmp_path, "no-such-tool-anywhere")
    assert caught.value.refusal is ImageRefusal.TOOL_MISSING
    assert "apt-get install no-such-tool-anywhere" in caught.value.sentence


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("dial tcp: lookup docker.io: no such host", ImageRefusal.REGISTRY_UNREACHABLE),
        ("dial tcp 127.0.0.1:1: connect: connection refused", ImageRefusal.REGISTRY_UNREACHABLE),
        ("net/http: TLS handshake timeout", ImageRefusal.REGISTRY_UNREACHABLE),
        ("reading manifest latest in docker.io/a: manifest unknown", ImageRefusal.NOT_FOUND),
        ("requested access to the resource is denied", ImageRefusal.UNAUTHORIZED),
        ("unable to retrieve auth token: invalid username/password", ImageRefusal.UNAUTHORIZED),
        ("Digest did not match, expected sha256:1, got sha256:2", ImageRefusal.DIGEST_MISMATCH),
        ("write /x/y: no space left on device", ImageRefusal.DISK_FULL),
        ("toomanyrequests: You have reached your pull rate", ImageRefusal.REGISTRY_UNREACHABLE),
        ("something nobody has heard of", ImageRefusal.INVALID_IMAGE),
    ],
)
def test_what_skopeo_says_becomes_one_refusal(said: str, refusal: ImageRefusal) -> None:
    error = skopeo._refusal("docker://docker.io/library/a:latest", f'level=fatal msg="{said}"\n')
    assert error.refusal is refusal
    assert error.sentence.startswith("docker.io/library/a:latest")
    assert "\n" not in error.sentence
