"""Strategic merge patches as kubectl writes them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.patches.json_patch import CannotPatch
from busbar.apis.kubernetes.patches.strategic import strategic_merge
from busbar.apis.kubernetes.schemas.registry import registry

POD: dict[str, Any] = {
    "metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x/1", "x/2", "x/3"]},
    "spec": {
        "containers": [
            {"name": "a", "image": "1", "args": ["x", "y"], "env": [{"name": "E", "value": "1"}]},
            {"name": "b", "image": "1"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "t"}],
        "nodeSelector": {"n": "1"},
    },
}


def patched(patch: Any) -> dict[str, Any]:
    served = registry().by_kind("", "v1", "Pod")
    assert served is not None
    before = deepcopy(POD)
    result: dict[str, Any] = strategic_merge(served.shape, POD, patch)
    assert before == POD
    return result


def spec(patch: Any) -> dict[str, Any]:
    result: dict[str, Any] = patched({"spec": patch})["spec"]
    return result


def test_maps_merge_and_nulls_remove() -> None:
    assert patched({"metadata": {"labels": {"a": None, "c": "3"}}})["metadata"]["labels"] == {
        "b": "2",
        "c": "3",
    }


def test_lists_merge_by_their_key() -> None:
    found = spec({"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "3"}]})
    assert [(c["name"], c["image"]) for c in found["containers"]] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
    ]
    assert found["containers"][0] == POD["spec"]["containers"][0]


def test_lists_merge_at_every_depth() -> None:
    env = [{"name": "E", "value": "2"}, {"name": "F", "value": "3"}]
    found = spec({"containers": [{"name": "a", "env": env}]})
    assert found["containers"][0]["env"] == env
    assert found["containers"][0]["args"] == ["x", "y"]


def test_atomic_lists_are_replaced() -> None:
    assert spec({"tolerations": [{"key": "u"}]})["tolerations"] == [{"key": "u"}]
    assert spec({"containers": [{"name": "a", "args": []}]})["containers"][0]["args"] == []


def test_an_item_is_deleted_by_its_key() -> None:
    found = spec({"containers": [{"name": "a", "$patch": "delete"}]})
    assert [c["name"] for c in found["containers"]] == ["b"]


def test_a_list_is_replaced_on_demand() -> None:
    new = {"name": "z", "image": "9"}
    assert spec({"containers": [new, {"$patch": "replace"}]})["containers"] == [new]


def test_a_map_is_replaced_or_emptied_on_demand() -> None:
    assert spec({"nodeSelector": {"m": "2", "$patch": "replace"}})["nodeSelector"] == {"m": "2"}
    assert spec({"nodeSelector": {"$patch": "delete"}})["nodeSelector"] == {}


def test_values_go_from_lists_of_primitives() -> None:
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/1", "x/3"]}}
    assert patched(patch)["metadata"]["finalizers"] == ["x/2"]


def test_values_come_to_lists_of_primitives_once() -> None:
    finalizers = patched({"metadata": {"finalizers": ["x/2", "x/4"]}})["metadata"]["finalizers"]
    assert finalizers == ["x/1", "x/2", "x/3", "x/4"]


def test_the_order_of_items_is_set() -> None:
    patch = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}],
        "containers": [{"name": "c", "image": "3"}],
    }
    assert [c["name"] for c in spec(patch)["containers"]] == ["c", "b", "a"]


def test_the_order_leaves_unnamed_items_where_they_are() -> None:
    patch = {"metadata": {"$setElementOrder/finalizers": ["x/3", "x/1"]}}
    assert patched(patch)["metadata"]["finalizers"] == ["x/3", "x/2", "x/1"]


def test_a_volume_changes_its_source() -> None:
    change = {"name": "v", "emptyDir": None, "configMap": {"name": "c"}}
    assert spec({"volumes": [change]})["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]
    retained = {"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "c"}}
    assert spec({"volumes": [retained]})["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]


def test_nulls_in_new_parts_are_dropped() -> None:
    new = {"name": "z", "image": "9", "args": None}
    assert spec({"containers": [new]})["containers"][2] == {"name": "z", "image": "9"}


def test_keys_of_the_user_may_begin_with_a_dollar() -> None:
    assert spec({"nodeSelector": {"$HOME": "x"}})["nodeSelector"] == {"n": "1", "$HOME": "x"}


@pytest.mark.parametrize(
    "patch",
    [
        [],
        "x",
        {"spec": {"containers": [{"image": "no name"}]}},
        {"spec": {"containers": ["a"]}},
        {"spec": {"containers": {"name": "a"}}},
        {"spec": {"$patch": "shred"}},
        {"spec": {"$retainKeys": "containers"}},
        {"spec": {"$retainKeys": ["volumes"], "nodeSelector": {"a": "b"}}},
        {"spec": {"$setElementOrder/containers": "a"}},
        {"spec": {"$setElementOrder/nodeSelector": ["a"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": {"x/1": None}}},
        {"spec": {"containers": [{"name": "a"}] * 10_001}},
    ],
)
def test_what_is_no_strategic_patch(patch: Any) -> None:
    with pytest.raises(CannotPatch) as refused:
        patched(patch)
    assert refused.value.invalid


def test_long_lists_are_merged_in_time() -> None:
    served = registry().by_kind("", "v1", "Pod")
    assert served is not None
    env = [{"name": f"E{n}", "value": "1"} for n in range(10_000)]
    obj = {"spec": {"containers": [{"name": "a", "env": env}]}}
    names = [{"name": e["name"]} for e in reversed(env)]
    change = {"name": "a", "env": [{**e, "value": "2"} for e in env]}
    patch = {"spec": {"containers": [{**change, "$setElementOrder/env": names}]}}
    merged = strategic_merge(served.shape, obj, patch)["spec"]["containers"][0]["env"]
    assert merged == [{**e, "value": "2"} for e in reversed(env)]
