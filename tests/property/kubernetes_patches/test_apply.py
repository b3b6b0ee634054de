"""Server-side apply over random histories of several appliers and editors."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.apis.kubernetes.patches import fields as sets
from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.ownership import ownable, read_managers
from busbar.apis.kubernetes.patches.writes import Fresh, Prepared, Request, patch
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import registry
from busbar.model.objects import Object

SERVED = registry().by_kind("", "v1", "Pod")
assert SERVED is not None
FRESH = Fresh("d", "6ea0f3a4-0000-4000-8000-000000000000", "x7z4k")

VALUES = st.sampled_from(["1", "2"])
MAPS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)
FINALIZERS = st.lists(st.sampled_from(["x/1", "x/2", "x/3"]), unique=True, max_size=3)
STATED = st.fixed_dictionaries(
    {},
    optional={"labels": MAPS, "annotations": MAPS, "finalizers": FINALIZERS},
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol"]),
        st.sampled_from(["apply", "force", "edit"]),
        STATED,
    ),
    max_size=8,
)
CONTAINER = {"name": "c", "image": "i"}


def first() -> Object:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"a": "1"}},
        "spec": {"containers": [CONTAINER]},
    }
    assert SERVED is not None
    result = writes.create(SERVED, body, FRESH, Request("creator", 0))
    assert isinstance(result, Prepared)
    return result.obj


def step(obj: Object, who: str, how: str, stated: dict[str, Any], now: int) -> Prepared | Refusal:
    assert SERVED is not None
    body: dict[str, Any] = {"metadata": {"name": "p", **deepcopy(stated)}}
    kind = writes.MERGE_PATCH
    if how != "edit":
        body.update(apiVersion="v1", kind="Pod")
        kind = writes.APPLY_PATCH
    by = Request(who, now * 1_000, force=how == "force")
    return patch(SERVED, kind, body, obj, by, name="p", fresh=FRESH)


def owned_by_all(obj: Object) -> Any:
    everything = None
    for owned in read_managers(obj).values():
        everything = sets.union(everything, owned.fields)
    return everything


def present(obj: Object) -> Any:
    assert SERVED is not None
    return sets.fields_of(SERVED.shape, ownable(obj, "", has_status=True))


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_histories(steps: list[tuple[str, str, dict[str, Any]]]) -> None:
    obj = first()
    for now, (who, how, stated) in enumerate(steps, 1):
        before = deepcopy(obj)
        result = step(obj, who, how, stated, now)
        assert obj == before, "a stored object is never changed in place"
        if isinstance(result, Refusal):
            assert how == "apply"
            assert result.code == 409
            continue
        orjson.dumps(result.obj)
        if not result.changed:
            assert result.obj == before
        obj = result.obj
        meta = obj["metadata"]
        for field in ("labels", "annotations"):
            for key, value in stated.get(field, {}).items():
                assert meta[field][key] == value, "what was stated is there"
        if how != "edit":
            check_apply(before, obj, who, how, stated, now)


def check_apply(
    before: Object, obj: Object, who: str, how: str, stated: dict[str, Any], now: int
) -> None:
    assert set(stated.get("finalizers", ())) <= set(obj["metadata"].get("finalizers", ()))
    gone = sets.difference(present(before), present(obj))
    mine = [o.fields for m, o in read_managers(before).items() if m[:2] == (who, "Apply")]
    # An empty map's own path goes when it is filled; only what holds a value can be lost.
    lost = [path for path in sets.paths(gone) if not has_path(obj, path)]
    allowed = set(sets.paths(mine[0])) if mine else set()
    others = {
        path
        for manager, owned in read_managers(before).items()
        if manager[:2] != (who, "Apply")
        for path in sets.paths(owned.fields)
    }
    for path in lost:
        assert path in allowed, f"{path} went, though its applier never owned it"
        assert path not in others, f"{path} went, though another owns it"
    again = step(obj, who, how, stated, now + 100)
    assert isinstance(again, Prepared), "what was applied can be applied again"
    assert not again.changed, "the same apply again changes nothing"
    assert again.obj is obj


def has_path(obj: Object, path: str) -> bool:
    """Say whether a field of metadata is still there, be it with other contents."""
    name = path.removeprefix(".metadata.").partition(".")[0].partition("[")[0]
    return path == f".metadata.{name}" and name in obj["metadata"]
