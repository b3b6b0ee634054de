"""Image names mean what they mean to docker."""

from __future__ import annotations

import pytest

from busbar.images.reference import parse_door_path, parse_reference
from busbar.images.refusals import ImageError, ImageRefusal

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("apache/spark", "docker.io/apache/spark:latest"),
        ("debian", "docker.io/library/debian:latest"),
        ("debian:12", "docker.io/library/debian:12"),
        ("docker.io/debian", "docker.io/library/debian:latest"),
        ("index.docker.io/apache/spark", "docker.io/apache/spark:latest"),
        ("quay.io/a/b/c:v1.2_3-x", "quay.io/a/b/c:v1.2_3-x"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a:b", "localhost:5000/a:b"),
        ("registry:5000/a", "registry:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        (f"a@{DIGEST}", f"docker.io/library/a@{DIGEST}"),
        (f"a:1@{DIGEST}", f"docker.io/library/a:1@{DIGEST}"),
    ],
)
def test_a_short_name_becomes_the_full_one(written: str, full: str) -> None:
    assert str(parse_reference(written)) == full
    assert str(parse_reference(full)) == full


@pytest.mark.parametrize(
    "written",
    ["", ":", "/", "a//b", "Apache/Spark", "a:", "a:b:c", "a b", "a@sha256:1", "-a", "a/-b",
     "a/../b", "../a", "a\n", "a" * 300, "http://a/b", "a:" + "t" * 129, "é", "a/b?x", ".a/b/",
     "docker.io/"],
)  # fmt: skip
def test_what_is_no_name_is_refused_with_what_would_be_right(written: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse_reference(written)
    assert caught.value.refusal is ImageRefusal.INVALID_REFERENCE
    assert "\n" not in caught.value.sentence


@pytest.mark.parametrize("name", ["apache/spark", "localhost:5000/a/b", "quay.io/a", "debian"])
def test_a_path_of_the_door_leads_back_to_the_name(name: str) -> None:
    reference = parse_reference(name)
    assert parse_door_path(reference.door_path, "latest") == reference
    assert ":" not in reference.door_path


def test_the_door_takes_short_names_as_docker_does() -> None:
    assert str(parse_door_path("apache/spark", "3")) == "docker.io/apache/spark:3"
