"""Reading and copying Kubernetes-shaped objects, keys, ids and the table of resources."""

from __future__ import annotations

import uuid

import pytest

from busbar.model import objects as o
from busbar.model.errors import InvalidField
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.kinds import OWN_KINDS
from busbar.model.objects import Key
from busbar.model.resources import BY_COLLECTION, BY_KIND, RESOURCES, key_of

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "xyz",
        "uid": "u",
        "labels": {"a": "1"},
        "annotations": {"b": "2"},
        "ownerReferences": [{"kind": "X"}, {"kind": "Job", "name": "j", "controller": True}],
    },
    "spec": {"nodeName": "n"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def test_readers_give_what_is_there():
    assert (o.name_of(POD), o.namespace_of(POD), o.uid_of(POD)) == ("p", "xyz", "u")
    assert (o.labels_of(POD), o.annotations_of(POD)) == ({"a": "1"}, {"b": "2"})
    assert (o.spec_of(POD), o.is_deleting(POD)) == ({"nodeName": "n"}, False)
    assert o.condition(POD, "Ready") == {"type": "Ready", "status": "True"}
    assert (o.controller_of(POD) or {})["name"] == "j"


@pytest.mark.parametrize("bare", [{}, {"metadata": None, "spec": None, "status": None}])
def test_readers_give_empty_where_nothing_is(bare):
    assert (o.name_of(bare), o.namespace_of(bare), o.uid_of(bare)) == ("", "", "")
    assert (o.labels_of(bare), o.annotations_of(bare)) == ({}, {})
    assert (o.spec_of(bare), o.status_of(bare)) == ({}, {})
    assert (o.condition(bare, "Ready"), o.controller_of(bare)) == (None, None)


def test_copies_leave_the_original_alone():
    before = repr(POD)
    changed = o.annotate(POD, {"b": None, "c": "3"})
    o.with_metadata(POD, labels=None)
    assert o.annotations_of(changed) == {"c": "3"}
    assert repr(POD) == before


def test_the_last_annotation_removed_removes_the_field():
    assert "annotations" not in o.annotate(POD, {"b": None})["metadata"]


def test_an_owner_reference_points_back():
    found = o.owner_reference(POD)
    assert found == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "p",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_keys_read_well():
    assert str(Key("", "pods", "xyz", "p")) == "pods xyz/p"
    assert str(Key("busbar.dev", "offers", "", "o")) == "offers.busbar.dev o"


def test_a_stored_object_knows_its_key():
    assert key_of(POD) == Key("", "pods", "xyz", "p")
    job = {"apiVersion": "busbar.dev/v1alpha1", "kind": "Job", "metadata": {"name": "j"}}
    assert key_of(job) == Key("busbar.dev", "jobs", "", "j")


def test_the_alias_serves_the_same_stored_objects():
    alias = BY_KIND["strongmoose.dsoderlund.consulting/v1alpha1", "job"]
    assert alias.key("xyz", "j") == Key("busbar.dev", "jobs", "xyz", "j")
    assert alias.stored_api_version == "busbar.dev/v1alpha1"


def test_an_unserved_kind_has_no_key():
    with pytest.raises(KeyError):
        key_of({"apiVersion": "v1", "kind": "Teapot", "metadata": {"name": "t"}})


def test_resources_are_named_once():
    served = [(r.group, r.plural) for r in RESOURCES]
    assert len(served) == len(set(served))
    assert set(BY_COLLECTION) <= set(served)


@pytest.mark.parametrize("own", OWN_KINDS, ids=lambda own: own.kind)
def test_each_own_kind_has_a_schema_and_columns_that_point_into_it(own):
    schema = own.json_schema()
    for column in own.columns:
        _, part, *rest = column.path.split(".")
        properties = schema["properties"][part]
        while rest:
            found, name = _resolved(schema, properties), rest.pop(0)
            properties = found.get("additionalProperties") or found["properties"][name]


def _resolved(schema, part):
    if "$ref" in part:
        return schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
    return part


def test_ids_depend_on_their_parts_alone():
    assert derived_uid("a", 1) == derived_uid("a", "1")
    assert derived_uid("a", "b") != derived_uid("ab")
    assert derived_uid("a", "b") != derived_uid("a", "b", "")
    assert uuid.UUID(derived_uid("x")).version == 4
    assert derived_suffix("x") == derived_suffix("x")
    assert len(derived_suffix("x", length=10)) == 10
    assert not set(derived_suffix("x", length=30)) & set("aeiou013")


def test_a_refusal_says_where_and_what():
    refused = InvalidField("spec.x", "must be y")
    assert (str(refused), refused.path, refused.message) == (
        "spec.x: must be y",
        "spec.x",
        "must be y",
    )
    assert str(InvalidField("", "must be y")) == "must be y"
