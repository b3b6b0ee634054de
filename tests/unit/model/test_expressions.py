"""Eligibility expressions: two ways in, one normal form, one sentence for what is wrong."""

from __future__ import annotations

import pytest

from busbar.model.errors import InvalidField
from busbar.model.expressions import (
    EVERYTHING,
    both,
    node_affinity,
    of_text,
    read_expression,
    read_text,
    to_text,
)
from busbar.model.expressions.attributes import read_attributes


def text(value):
    return to_text(read_expression(value, "x"))


def affinity(*terms):
    required = {"nodeSelectorTerms": list(terms)}
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    return {"affinity": {"nodeAffinity": {key: required}}}


def rule(key, operator, *values):
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"disk": "ssd"}, {"attribute": "disk", "in": ["ssd"]}),
        ({"disk": "ssd"}, {"attribute": "disk", "equals": "ssd"}),
        ({"disk": ["a", "b", "a"]}, {"anyOf": [{"disk": "b"}, {"disk": "a"}]}),
        ({"a": "1", "b": "2"}, {"allOf": [{"b": "2"}, {"allOf": [{"a": 1}]}]}),
        ({"not": {"not": {"a": "1"}}}, {"a": "1"}),
        ({"not": {"a": "1"}}, {"attribute": "a", "notIn": ["1"]}),
        ({"not": {"a": "1", "b": "2"}}, {"anyOf": [{"not": {"b": "2"}}, {"not": {"a": "1"}}]}),
        ({"not": {"anyOf": [{"a": "1"}, {"a": "2"}]}}, {"attribute": "a", "notIn": ["2", "1"]}),
        ({"region": "Sweden"}, {"topology.kubernetes.io/region": "Sweden"}),
        ({"attribute": "a", "exists": False}, {"not": {"attribute": "a", "exists": True}}),
        ({"a": "1", "signedBy": "x"}, {"a": "1", "signedBy": {"allOf": ["x"]}}),
        ({"a": "1", "signedBy": ["y", "x"]}, {"a": "1", "signedBy": {"anyOf": ["x", "y", "x"]}}),
        (
            {"a": "1", "signedBy": {"allOf": ["x", "z"], "anyOf": ["x", "y"]}},
            {"a": "1", "signedBy": {"allOf": ["z", "x"]}},
        ),
        (
            {"anyOf": [{"a": "1", "signedBy": "x"}, {"a": "2", "signedBy": "x"}]},
            {"a": ["1", "2"], "signedBy": "x"},
        ),
        (
            {"attribute": "isolation", "atLeast": "sandbox"},
            {"attribute": "busbar.dev/isolation", "atLeast": "sandbox", "as": "level"},
        ),
    ],
)
def test_what_means_the_same_has_the_same_normal_form(one, other):
    assert text(one) == text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1"}, {"a": "2"}),
        ({"a": "1"}, {"not": {"a": "1"}}),
        ({"a": "1"}, {"a": "1", "signedBy": "x"}),
        ({"a": "1", "signedBy": ["x", "y"]}, {"a": "1", "signedBy": {"allOf": ["x", "y"]}}),
        (
            {"anyOf": [{"a": n, "signedBy": {"allOf": ["x", "y"]}} for n in ("1", "2")]},
            {"a": ["1", "2"], "signedBy": {"allOf": ["x", "y"]}},
        ),
        ({"attribute": "a", "above": 1}, {"attribute": "a", "above": 1, "as": "version"}),
        ({"anyOf": [{"a": "1"}, {"b": "1"}]}, {"a": "1", "b": "1"}),
    ],
)
def test_what_means_something_else_does_not(one, other):
    assert text(one) != text(other)


def test_a_normal_form_read_back_is_the_same():
    said = text({"anyOf": [{"a": "1", "b": "2"}, {"not": {"c": ["3", "4"]}}, {"region": "Sweden"}]})
    assert to_text(of_text(said)) == said


@pytest.mark.parametrize(
    ("wrong", "path", "words"),
    [
        ("ssd", "r", "must be an object"),
        ({}, "r", "must be an object"),
        ({"allOf": []}, "r.allOf", "at least one"),
        ({"allOf": {"a": "1"}}, "r.allOf", "must be a list"),
        ({"allOf": [{"a": "1"}, 7]}, "r.allOf[1]", "must be an object"),
        ({"not": [{"a": "1"}]}, "r.not", "must be an object"),
        ({"attribute": "a"}, "r", "exactly one of"),
        ({"attribute": "a", "in": ["1"], "above": 1}, "r", "exactly one of"),
        ({"in": ["1"]}, "r.attribute", "is missing"),
        ({"attribute": "a b", "in": ["1"]}, "r.attribute", "no attribute's name"),
        ({"attribute": "a", "in": []}, "r.in", "between one and 64"),
        ({"attribute": "a", "in": [{}]}, "r.in[0]", "must be a word"),
        ({"attribute": "a", "exists": "yes"}, "r.exists", "true or false"),
        ({"attribute": "a", "above": "high"}, "r.above", "must be a number"),
        ({"attribute": "a", "above": 1e400}, "r.above", "must be a number"),
        ({"attribute": "a", "above": 2**80}, "r.above", "out of range"),
        ({"attribute": "a", "above": "1.x", "as": "version"}, "r.above", "must be a version"),
        ({"attribute": "a", "above": 1, "as": "colour"}, "r.as", "must be one of"),
        ({"attribute": "a", "above": "x", "as": "level"}, "r.as", "isolation only"),
        ({"attribute": "isolation", "atLeast": "none"}, "r.atLeast", "must be one of process"),
        ({"attribute": "a", "in": ["1"], "as": "number"}, "r.as", "goes with"),
        ({"a": "1,2"}, "r.a", "without commas"),
        ({"signedBy": "tuv"}, "r.signedBy", "stands beside"),
        ({"not": {"a": "1"}, "signedBy": "tuv"}, "r.signedBy", "stands beside"),
        ({"a": "1", "signedBy": {}}, "r.signedBy", "must be an Auditor's name"),
        ({"a": "1", "signedBy": {"oneOf": ["x"]}}, "r.signedBy", "must be an Auditor's name"),
        ({"a": "1", "signedBy": []}, "r.signedBy", "between one and 16"),
        ({"a": "1", "signedBy": {"allOf": [7]}}, "r.signedBy.allOf", "must name Auditors"),
        ({"a": "\ud800"}, "r.a", "must be a word"),
        ({"a": "x" * 257}, "r.a", "at most 256"),
        ({"allOf": [{f"a{i}": "1"} for i in range(65)]}, "r.allOf[64].a64", "one condition too"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(wrong, path, words):
    with pytest.raises(InvalidField) as caught:
        read_expression(wrong, "r")
    assert caught.value.path == path
    assert words in caught.value.message


def test_depth_is_bounded():
    deep = {"a": "1"}
    for _ in range(100_000):
        deep = {"not": deep}
    with pytest.raises(InvalidField, match="deeper than 8"):
        read_expression(deep, "r")


@pytest.mark.parametrize("written", [7, "{", "x" * 20_000, "[" * 10_000, '{"a": NaN, "a": [1'])
def test_an_annotation_that_is_no_json_is_refused(written):
    with pytest.raises(InvalidField, match="JSON"):
        read_text(written, "note")


def test_node_affinity_means_what_it_means_in_kubernetes():
    spec = affinity(
        {"matchExpressions": [rule("disk", "In", "ssd", "nvme"), rule("spot", "DoesNotExist")]},
        {"matchExpressions": [rule("gen", "Gt", "3")]},
        {"matchFields": [rule("metadata.name", "In", "n1")]},
        {},
    )
    wanted = {
        "anyOf": [
            {"disk": ["ssd", "nvme"], "not": {"attribute": "spot", "exists": True}},
            {"attribute": "gen", "above": 3},
            {"node": "n1"},
        ]
    }
    assert to_text(node_affinity(spec)) == text(wanted)


def test_empty_terms_match_nothing_and_no_affinity_everything():
    assert to_text(node_affinity(affinity({}))) == '{"anyOf":[]}'
    assert node_affinity({}) == EVERYTHING
    assert to_text(both(EVERYTHING, read_expression({"a": "1"}, "x"))) == text({"a": "1"})


@pytest.mark.parametrize(
    ("term", "where"),
    [
        ({"matchExpressions": [rule("a", "Near", "1")]}, "matchExpressions[0].operator"),
        ({"matchExpressions": [rule("a", "In")]}, "matchExpressions[0].values"),
        ({"matchExpressions": [rule("a", "Exists", "1")]}, "matchExpressions[0].values"),
        ({"matchExpressions": [rule("a", "Gt", "1.5")]}, "matchExpressions[0].values"),
        ({"matchExpressions": [rule("", "In", "1")]}, "matchExpressions[0].key"),
        ({"matchExpressions": [7]}, "matchExpressions[0]"),
        ({"matchFields": [rule("spec.x", "In", "1")]}, "matchFields[0]"),
    ],
)
def test_affinity_that_cannot_be_read_is_named_with_its_path(term, where):
    with pytest.raises(InvalidField) as caught:
        node_affinity(affinity(term))
    assert caught.value.path.endswith(f"nodeSelectorTerms[0].{where}")


@pytest.mark.parametrize(
    "name", ["region", "vendor", "node", "topology.kubernetes.io/zone", "kubernetes.io/arch"]
)
def test_what_joining_decides_nobody_may_state(name):
    with pytest.raises(InvalidField, match="what joining says"):
        read_attributes({name: "Sweden"}, "spec.attributes")


def test_attributes_are_kept_under_their_full_names():
    stated = read_attributes({"isolation": "microvm", "tier": "3"}, "spec.attributes")
    assert stated == (("busbar.dev/isolation", "microvm"), ("tier", "3"))
