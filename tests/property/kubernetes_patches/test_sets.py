"""Sets of field paths behave as sets of paths, and patches as their definitions say."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from busbar.apis.kubernetes.patches import fields as sets
from busbar.apis.kubernetes.patches.fields import Fields
from busbar.apis.kubernetes.patches.json_patch import CannotPatch, json_patch
from busbar.apis.kubernetes.patches.merge_patch import merge_patch

KEYS = st.sampled_from(["f:a", "f:b", 'k:{"n":1}', 'v:"x"'])
PATHS = st.frozensets(st.lists(KEYS, min_size=1, max_size=4).map(tuple), min_size=1, max_size=8)


def tree(paths: frozenset[tuple[str, ...]]) -> Fields | None:
    """Build the tree whose members are the paths."""
    whole: Fields | None = None
    for path in paths:
        branch: Fields = {}
        for key in reversed(path):
            branch = {key: branch}
        whole = sets.union(whole, branch)
    return whole


def members(fields: Fields | None, prefix: tuple[str, ...] = ()) -> frozenset[tuple[str, ...]]:
    """Give the members of a tree."""
    if fields is None:
        return frozenset()
    found = {prefix} if prefix and sets.has_self(fields) else set()
    for key, below in fields.items():
        if key != sets.SELF:
            found |= members(below, (*prefix, key))
    return frozenset(found)


@given(PATHS)
def test_a_tree_has_the_paths_it_was_built_from(paths: frozenset[tuple[str, ...]]) -> None:
    assert members(tree(paths)) == paths


@given(PATHS, PATHS)
def test_the_algebra_of_sets(
    one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]
) -> None:
    a, b = tree(one), tree(other)
    before = deepcopy((a, b))
    assert members(sets.union(a, b)) == one | other
    assert members(sets.difference(a, b)) == one - other
    assert members(sets.intersection(a, b)) == one & other
    assert (a, b) == before


@given(PATHS)
def test_a_set_that_was_written_can_be_read(paths: frozenset[tuple[str, ...]]) -> None:
    fields = tree(paths)
    assert sets.parse(fields) == fields


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "b"])
NAMES = st.sampled_from(["a", "b", "c", "a/b", "~", ""])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, DOCUMENTS, max_size=3)


def difference(before: Any, after: Any) -> Any:
    """Give the merge patch from one document without nulls to another."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = difference({}, value) if isinstance(value, dict) else value
        elif before[key] != value or isinstance(before[key], bool) != isinstance(value, bool):
            patch[key] = difference(before[key], value)
    return patch


def without_nulls(node: Any) -> Any:
    """Drop nulls from objects: a merge patch cannot set one."""
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return node


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_one_document_to_another(before: Any, after: Any) -> None:
    before, after = without_nulls(before), without_nulls(after)
    frozen = deepcopy(before)
    assert merge_patch(before, difference(before, after)) == after
    assert before == frozen


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_twice_is_a_merge_patch_once(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once


POINTERS = st.lists(
    st.sampled_from(["a", "b", "c", "0", "1", "-", "a~1b", "~0", ""]), max_size=3
).map(lambda parts: "".join(f"/{part}" for part in parts))
OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": POINTERS,
        "from": POINTERS,
        "value": DOCUMENTS,
    }
)


def naive(document: Any, operation: dict[str, Any]) -> Any:
    """Apply one operation to a deep copy, as plainly as the RFC says it, or LookupError."""
    root = {"": deepcopy(document)}

    def parts(pointer: str) -> list[str]:
        tokens = pointer.split("/")[1:]
        return ["", *(token.replace("~1", "/").replace("~0", "~") for token in tokens)]

    def index(node: list[Any], token: str, *, end: bool = False) -> int:
        if not token.isdigit() or str(int(token)) != token or int(token) >= len(node) + end:
            raise LookupError(token)
        return int(token)

    def get(path: list[str]) -> Any:
        node: Any = root
        for token in path:
            if isinstance(node, list):
                node = node[index(node, token)]
            elif isinstance(node, dict):
                node = node[token]
            else:
                raise LookupError(token)
        return node

    def remove(path: list[str]) -> Any:
        if len(path) == 1:
            raise LookupError("whole document")
        parent = get(path[:-1])
        value = get(path)
        del parent[path[-1] if isinstance(parent, dict) else index(parent, path[-1])]
        return value

    def add(path: list[str], value: Any) -> None:
        parent = get(path[:-1])
        if isinstance(parent, dict):
            parent[path[-1]] = value
        elif not isinstance(parent, list):
            raise LookupError(path[-1])
        elif path[-1] == "-":
            parent.append(value)
        else:
            parent.insert(index(parent, path[-1], end=True), value)

    path, source = parts(operation["path"]), parts(operation["from"])
    value = deepcopy(operation["value"])
    match operation["op"]:
        case "add":
            add(path, value)
        case "remove":
            remove(path)
        case "replace":
            parent = get(path[:-1])
            get(path)
            parent[path[-1] if isinstance(parent, dict) else index(parent, path[-1])] = value
        case "move":
            if path[: len(source)] == source and path != source:
                raise LookupError("into itself")
            if path != source:
                add(path, remove(source))
            else:
                get(source)
        case "copy":
            add(path, deepcopy(get(source)))
        case "test":
            found = get(path)
            if str(found) != str(value) and found != value:
                raise LookupError("differs")
            if any_bool_differs(found, value):
                raise LookupError("differs")
    return root[""]


def any_bool_differs(one: Any, other: Any) -> bool:
    """Say whether true or false stands against a number somewhere."""
    if isinstance(one, dict) and isinstance(other, dict):
        return any(any_bool_differs(one[key], other[key]) for key in one if key in other)
    if isinstance(one, list) and isinstance(other, list):
        return any(map(any_bool_differs, one, other))
    return isinstance(one, bool) != isinstance(other, bool)


@given(DOCUMENTS, st.lists(OPERATIONS, max_size=5))
def test_a_json_patch_does_what_the_operations_do_one_by_one(
    document: Any, operations: list[dict[str, Any]]
) -> None:
    frozen = deepcopy(document)
    try:
        expected = document
        for operation in operations:
            expected = naive(expected, operation)
    except LookupError:
        expected = CannotPatch
    try:
        result = json_patch(document, operations)
    except CannotPatch:
        result = CannotPatch
    assert repr(result) == repr(expected)
    assert document == frozen
