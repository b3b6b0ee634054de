"""Which ConfigMaps and Secrets a Pod names, and how they are fetched."""

from __future__ import annotations

import pytest
from tests.unit.agent.conftest import Node, pod

from busbar.agent.api import ApiRefused
from busbar.agent.hooks.references import Reference, fetch, references
from busbar.agent.refusals import PodRefused

EVERYWHERE = pod(
    volumes=[
        {"name": "a", "configMap": {"name": "cm1"}},
        {"name": "b", "secret": {"secretName": "s1", "optional": True}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "cm2"}}]}},
        {"name": "d", "emptyDir": {}},
    ],
    initContainers=[{"name": "i", "envFrom": [{"secretRef": {"name": "s2"}}]}],
    containers=[
        {
            "name": "main",
            "env": [
                {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "cm3", "key": "k"}}},
                {"name": "Y", "value": "plain"},
            ],
        }
    ],
)


def test_every_place_that_names_one_is_looked_at() -> None:
    assert set(references(EVERYWHERE)) == {
        Reference("configmaps", "cm1"),
        Reference("secrets", "s1", True),
        Reference("configmaps", "cm2"),
        Reference("secrets", "s2"),
        Reference("configmaps", "cm3"),
    }


async def test_contents_are_bytes_whatever_they_were_written_as(node: Node) -> None:
    node.api.objects["/api/v1/namespaces/xyz/configmaps/cm"] = {
        "kind": "ConfigMap", "data": {"a": "ä"}, "binaryData": {"b": "/w=="}
    }  # fmt: skip
    node.api.objects["/api/v1/namespaces/xyz/secrets/s"] = {
        "kind": "Secret", "data": {"t": "c2VjcmV0"}
    }  # fmt: skip
    volumes = [{"configMap": {"name": "cm"}}, {"secret": {"secretName": "s"}}]
    sources = await fetch(node.api, pod(volumes=volumes))  # type: ignore[arg-type]
    assert sources.keys("configmaps", "cm", "", False) == {"a": "ä".encode(), "b": b"\xff"}
    assert sources.value("secrets", "s", "t", "", False) == b"secret"


@pytest.mark.parametrize("code", [403, 404])
async def test_what_does_not_exist_is_named_when_it_matters(node: Node, code: int) -> None:
    node.api.refused["nosuch"] = ApiRefused(code, "", "")
    volumes = [{"configMap": {"name": "nosuch"}}]
    sources = await fetch(node.api, pod(volumes=volumes))  # type: ignore[arg-type]
    assert sources.keys("configmaps", "nosuch", "spec.volumes[0]", True) == {}
    with pytest.raises(PodRefused, match=r"spec.volumes\[0\]: ConfigMap 'nosuch'"):
        sources.keys("configmaps", "nosuch", "spec.volumes[0]", False)


async def test_a_name_is_no_path(node: Node) -> None:
    """A name with slashes in it must not lead to another resource."""
    node.api.objects["/api/v1/namespaces/xyz/configmaps/../secrets/s"] = {"data": {"t": "x"}}
    volumes = [{"configMap": {"name": "../secrets/s"}}]
    sources = await fetch(node.api, pod(volumes=volumes))  # type: ignore[arg-type]
    assert sources.keys("configmaps", "../secrets/s", "", True) == {}
