"""Sets of field paths."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.apis.kubernetes.patches import fields as sets
from busbar.apis.kubernetes.patches.compare import compare
from busbar.apis.kubernetes.schemas.registry import registry
from busbar.apis.kubernetes.schemas.shapes import ANYTHING, Kind, Shape


def shape() -> Shape:
    served = registry().by_kind("", "v1", "Pod")
    assert served is not None
    return served.shape


def test_the_paths_of_an_object() -> None:
    obj = {
        "metadata": {"labels": {"app": "web"}, "annotations": {}, "finalizers": ["a/b"]},
        "spec": {
            "containers": [
                {"name": "c", "args": ["x"], "ports": [{"containerPort": 80}], "resources": {}}
            ],
            "tolerations": [{"key": "t"}],
        },
    }
    assert sets.fields_of(shape(), obj) == {
        "f:metadata": {
            "f:labels": {"f:app": {}},
            "f:annotations": {},
            "f:finalizers": {'v:"a/b"': {}},
        },
        "f:spec": {
            "f:containers": {
                'k:{"name":"c"}': {
                    ".": {},
                    "f:name": {},
                    "f:args": {},
                    "f:ports": {
                        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                    },
                    "f:resources": {},
                }
            },
            "f:tolerations": {},
        },
    }


A = {"f:a": {}, "f:b": {"f:x": {}, "f:y": {}}}
B = {"f:b": {".": {}, "f:y": {}}, "f:c": {}}


def test_union() -> None:
    assert sets.union(A, B) == {
        "f:a": {},
        "f:b": {".": {}, "f:x": {}, "f:y": {}},
        "f:c": {},
    }
    assert sets.union(None, A) == A
    assert sets.union({"f:a": {}}, {"f:a": {"f:b": {}}}) == {"f:a": {".": {}, "f:b": {}}}


def test_difference() -> None:
    assert sets.difference(A, B) == {"f:a": {}, "f:b": {"f:x": {}}}
    assert sets.difference(B, A) == {"f:b": {}, "f:c": {}}
    assert sets.difference(A, A) is None
    assert sets.difference(A, None) == A


def test_intersection() -> None:
    assert sets.intersection(A, B) == {"f:b": {"f:y": {}}}
    assert sets.intersection(A, {"f:c": {}}) is None
    assert sets.intersection({"f:b": {}}, B) == {"f:b": {}}


def test_paths_read_as_kubectl_shows_them() -> None:
    fields = {
        "f:spec": {
            "f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}}},
            "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {}},
        },
        "f:set": {'v:"x"': {}, "i:3": {}},
    }
    assert list(sets.paths(fields)) == [
        ".set[3]",
        '.set[="x"]',
        '.spec.containers[name="a"]',
        '.spec.containers[name="a"].image',
        '.spec.ports[containerPort=80,protocol="TCP"]',
    ]


@pytest.mark.parametrize(
    "bad", [None, [], "x", {"a": {}}, {"f:a": 1}, {"k:[]": {}}, {"v:{": {}}, {"f:a": {"x": {}}}]
)
def test_what_is_no_set(bad: Any) -> None:
    assert sets.parse(bad) is None


def test_a_set_does_not_nest_without_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"f:a": deep}
    assert sets.parse(deep) is None


def test_a_comparison_names_what_came_changed_and_went() -> None:
    before = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}], "hostPID": True}}
    after = {"spec": {"containers": [{"name": "c"}, {"name": "a", "image": "2"}], "hostname": "h"}}
    found = compare(shape(), before, after)
    assert found.added == {
        "f:spec": {
            "f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}}},
            "f:hostname": {},
        }
    }
    assert found.modified == {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}}}}
    assert found.removed == {
        "f:spec": {
            "f:containers": {'k:{"name":"b"}': {".": {}, "f:name": {}}},
            "f:hostPID": {},
        }
    }


def test_the_order_of_keyed_items_is_no_difference() -> None:
    before = {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}
    after = {"spec": {"containers": [{"name": "b"}, {"name": "a"}]}}
    assert compare(shape(), before, after).is_empty()


def test_an_atomic_list_changes_as_a_whole() -> None:
    before = {"spec": {"tolerations": [{"key": "a"}]}}
    after = {"spec": {"tolerations": [{"key": "b"}]}}
    assert compare(shape(), before, after).modified == {"f:spec": {"f:tolerations": {}}}


def test_entries_of_a_map_are_members_with_what_is_in_them() -> None:
    entries = Shape(Kind.MAP)
    entries.items = Shape(Kind.STRUCT)
    entries.items.fields = {"x": ANYTHING}
    value = {"a": {"x": 1}}
    whole = {"f:a": {".": {}, "f:x": {}}}
    assert sets.fields_of(entries, value) == whole
    assert compare(entries, {}, value).added == whole
    assert compare(entries, value, {}).removed == whole
