"""Schemas loaded from the library and compiled."""

from __future__ import annotations

from busbar.apis.kubernetes.schemas import definitions
from busbar.apis.kubernetes.schemas.registry import registry
from busbar.apis.kubernetes.schemas.shapes import ANYTHING, Kind, Shape
from busbar.model.resources import RESOURCES


def shape(kind: str, path: str, group: str = "", version: str = "v1") -> Shape:
    served = registry().by_kind(group, version, kind)
    assert served is not None
    at: Shape | None = served.shape
    for part in path.split("."):
        assert at is not None
        at = at.items if part == "[]" else at.field(part)
    assert at is not None
    return at


def test_every_resource_has_a_shape_and_a_validator() -> None:
    for resource in RESOURCES:
        served = registry().by_plural(resource.group, resource.version, resource.plural)
        assert served is not None
        assert served.shape.kind is Kind.STRUCT
        assert "metadata" in served.shape.fields
        assert not served.strict.is_valid({})


def test_only_what_is_reached_is_loaded() -> None:
    loaded = definitions.load()
    assert "io.k8s.api.core.v1.PodSpec" in loaded
    assert "io.k8s.api.apps.v1.StatefulSet" not in loaded


def test_lists_know_their_keys() -> None:
    ports = shape("Pod", "spec.containers.[].ports")
    assert ports.keys == ("containerPort", "protocol")
    assert ports.merge_key == "containerPort"
    assert not ports.atomic


def test_lists_without_keys_are_atomic() -> None:
    assert shape("Pod", "spec.containers.[].command").atomic
    assert shape("Job", "spec.args", "busbar.dev", "v1alpha1").atomic


def test_sets_are_sets() -> None:
    assert shape("ConfigMap", "metadata.finalizers").is_set


def test_strategies_of_the_strategic_merge_patch() -> None:
    volumes = shape("Pod", "spec.volumes")
    assert volumes.strategy == ("merge", "retainKeys")
    assert volumes.merge_key == "name"


def test_selectors_are_atomic() -> None:
    assert shape("Job", "spec.selector", "batch").atomic


def test_unions_are_leaves_of_several_types() -> None:
    region = shape("Job", "spec.restrictions.region", "busbar.dev", "v1alpha1")
    assert region.kind is Kind.LEAF
    assert set(region.types) == {"string", "array"}
    port = shape("Pod", "spec.containers.[].livenessProbe.httpGet.port")
    assert set(port.types) == {"string", "integer"}


def test_free_form_parts_take_anything() -> None:
    assert shape("Pod", "metadata.managedFields.[].fieldsV1").types == ("object",)
    assert "object" in ANYTHING.types


def test_the_alias_shares_the_parts_of_its_kind() -> None:
    alias = shape("job", "spec", "strongmoose.dsoderlund.consulting", "v1alpha1")
    assert alias is shape("Job", "spec", "busbar.dev", "v1alpha1")


def test_what_is_posted_but_never_stored_has_a_shape_too() -> None:
    found = registry().review("authorization.k8s.io", "v1", "SelfSubjectAccessReview")
    assert found is not None
    assert "spec" in found.fields
    assert registry().review("", "v1", "DeleteOptions") is not None
