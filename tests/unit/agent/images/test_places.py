"""Who is asked for an image, and who is never asked."""

from __future__ import annotations

import pytest

from busbar.agent.images.places import Credentials, Sources, check_address, places
from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError, ImageRefusal

SOURCES = Sources(door="10.0.0.1:6443", door_certificates="/certificates")
DIGEST = "sha256:" + "a" * 64


def test_the_clouds_own_door_is_asked_first() -> None:
    found = places(parse_reference("apache/spark"), SOURCES, None)
    assert [place.source for place in found] == [
        "docker://10.0.0.1:6443/docker.io/apache/spark:latest",
        "docker://docker.io/apache/spark:latest",
    ]


def test_credentials_go_only_to_the_registry_that_the_name_says() -> None:
    found = places(parse_reference("quay.io/a/b"), SOURCES, Credentials("me", "secret"))
    assert [place.access.username for place in found] == [None, "me"]
    assert "secret" not in repr(found)


def test_a_port_and_a_digest_survive_the_way_through_the_door() -> None:
    found = places(parse_reference(f"reg.example:5000/a@{DIGEST}"), SOURCES, None)
    assert found[0].source == f"docker://10.0.0.1:6443/reg.example_5000/a@{DIGEST}"


@pytest.mark.parametrize(
    "name",
    ["169.254.169.254/a", "127.0.0.1:6443/a", "10.1.2.3/a", "localhost/a", "[::1]:5000/a",
     "[fe80::1]/a", "a.localhost:80/b", "0.0.0.0/a", "192.168.1.1/a"],
)  # fmt: skip
def test_a_registry_inside_the_owners_network_is_refused(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_address(parse_reference(name), SOURCES)
    assert caught.value.refusal is ImageRefusal.REGISTRY_FORBIDDEN


def test_a_private_registry_that_the_owner_lists_is_asked() -> None:
    check_address(
        parse_reference("127.0.0.1:5000/a"), Sources(private_registries=("127.0.0.1:5000",))
    )


def test_a_registry_without_an_address_cannot_be_reached() -> None:
    with pytest.raises(ImageError) as caught:
        check_address(parse_reference("registry.invalid/a"), SOURCES)
    assert caught.value.refusal is ImageRefusal.REGISTRY_UNREACHABLE
