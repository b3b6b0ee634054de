"""JSON Patch: the examples of RFC 6902's appendix, and what must not be possible."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.patches.json_patch import MAX_OPERATIONS, CannotPatch, json_patch


def op(kind: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **more}


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"foo": "bar"}, [op("add", "/baz", value="qux")], {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            [op("add", "/foo/1", value="qux")],
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),
        (
            {"baz": "qux", "foo": "bar"},
            [op("replace", "/baz", value="boo")],
            {"baz": "boo", "foo": "bar"},
        ),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [op("move", "/qux/thud", **{"from": "/foo/waldo"})],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [op("move", "/foo/3", **{"from": "/foo/1"})],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [op("test", "/baz", value="qux"), op("test", "/foo/1", value=2)],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        (
            {"foo": "bar"},
            [op("add", "/child", value={"grandchild": {}})],
            {"foo": "bar", "child": {"grandchild": {}}},
        ),
        ({"foo": "bar"}, [op("add", "/baz", value="qux", xyz=123)], {"foo": "bar", "baz": "qux"}),
        (
            {"/": 9, "~1": 10},
            [op("test", "/~01", value=10), op("replace", "/~1", value=1)],
            {"/": 1, "~1": 10},
        ),
        ({"foo": ["bar"]}, [op("add", "/foo/-", value=["a"])], {"foo": ["bar", ["a"]]}),
        ({"a": 1}, [op("replace", "", value={"b": 2})], {"b": 2}),
        ({"a": {"b": 1}}, [op("copy", "/c", **{"from": "/a"})], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1.0}, [op("test", "/a", value=1)], {"a": 1.0}),
        ({"": 1}, [op("replace", "/", value=2)], {"": 2}),
    ],
)
def test_what_applies(document: Any, patch: Any, result: Any) -> None:
    before = deepcopy(document)
    assert json_patch(document, patch) == result
    assert document == before


@pytest.mark.parametrize(
    ("document", "patch"),
    [
        ({"foo": "bar"}, [op("add", "/baz/bat", value="qux")]),
        ({"baz": "qux"}, [op("test", "/baz", value="bar")]),
        ({"/": 9, "~1": 10}, [op("test", "/~01", value="10")]),
        ({"a": True}, [op("test", "/a", value=1)]),
        ({}, [op("remove", "/a")]),
        ({}, [op("replace", "/a", value=1)]),
        ({"a": []}, [op("add", "/a/1", value=1)]),
        ({"a": [1]}, [op("replace", "/a/-", value=1)]),
        ({"a": [1]}, [op("remove", "/a/01")]),
        ({"a": [1]}, [op("remove", "/a/-1")]),
        ({"a": {"b": 1}}, [op("move", "/a/b/c", **{"from": "/a"})]),
        ({"a": "text"}, [op("add", "/a/b", value=1)]),
        ({}, [op("remove", "")]),
    ],
)
def test_what_does_not_fit_the_document(document: Any, patch: Any) -> None:
    with pytest.raises(CannotPatch) as refused:
        json_patch(document, patch)
    assert not refused.value.invalid
    assert str(refused.value).startswith("operation 1: ")


@pytest.mark.parametrize(
    "patch",
    [
        {},
        None,
        ["x"],
        [{}],
        [op("add", "a", value=1)],
        [op("add", "/a")],
        [op("frob", "/a")],
        [op("copy", "/a")],
        [{"op": "add", "path": 3, "value": 1}],
        [op("add", "/a", value=1)] * (MAX_OPERATIONS + 1),
    ],
)
def test_what_is_no_patch(patch: Any) -> None:
    with pytest.raises(CannotPatch) as refused:
        json_patch({}, patch)
    assert refused.value.invalid


def test_all_operations_take_effect_or_none() -> None:
    document = {"a": {"b": [1]}}
    with pytest.raises(CannotPatch):
        json_patch(document, [op("add", "/a/b/-", value=2), op("remove", "/nothing")])
    assert document == {"a": {"b": [1]}}


def test_a_document_copied_into_itself_is_what_it_was_then() -> None:
    operations = [
        {"op": "add", "path": "/0", "value": None},
        {"op": "copy", "from": "", "path": "/0"},
    ]
    assert json_patch([], operations) == [[None], None]


def test_a_copy_and_its_original_are_two_values() -> None:
    patch = [op("copy", "/b", **{"from": "/a"}), op("add", "/b/x", value=1)]
    assert json_patch({"a": {}}, patch) == {"a": {}, "b": {"x": 1}}


def test_copies_cannot_fill_the_memory() -> None:
    doubling = [op("copy", f"/a/{i}", **{"from": "/a"}) for i in range(64)]
    with pytest.raises(CannotPatch, match="copies too much"):
        json_patch({"a": {"x": 1}}, doubling)


def test_large_arrays_cannot_hold_the_server_up() -> None:
    document = {"a": [0] * 200_000}
    inserts = [op("add", "/a/0", value=1)] * 1_000
    with pytest.raises(CannotPatch, match="too many items"):
        json_patch(document, inserts)
