"""Whatever a client sends: an object or a refusal, never an exception; fast and slow path agree."""

from __future__ import annotations

from base64 import b64decode
from copy import deepcopy
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.writes import Fresh, Prepared, Request, create, patch
from busbar.apis.kubernetes.protobuf import Malformed
from busbar.apis.kubernetes.protobuf import decode as decode_protobuf
from busbar.apis.kubernetes.schemas.decoding import decode
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served, registry
from busbar.apis.kubernetes.schemas.shapes import Kind, Shape
from busbar.model.resources import RESOURCES

FRESH = Fresh("d", "6ea0f3a4-0000-4000-8000-000000000000", "x7z4k")
BY = Request("tester", 1_790_000_000_000)
SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RARELY = st.integers(0, 30).map(lambda n: n == 0)
TEXTS = st.sampled_from(["", "a", "Always", "web", "1", "500m", "ä", "x" * 300, "a\n", "-"])
GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"a": [1, {"b": None}]}),
)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "integer": st.sampled_from([0, 1, -1, 80, 2**31, 1.0]),
    "number": st.sampled_from([0, 1.5, -2]),
    "boolean": st.booleans(),
    "object": st.just({"f:a": {}}),
    "array": st.just(["a"]),
}


@st.composite
def values(draw: st.DrawFn, shape: Shape, depth: int) -> Any:
    """Draw a value of about the right shape, with something wrong now and then."""
    if draw(RARELY):
        return draw(GARBAGE)
    if shape.kind is Kind.LEAF:
        return draw(LEAVES[draw(st.sampled_from(sorted(shape.types)))])
    if depth == 0:
        return [] if shape.kind is Kind.LIST else {}
    if shape.kind is Kind.STRUCT and shape.fields:
        wanted = draw(st.lists(st.sampled_from(sorted(shape.fields)), max_size=5, unique=True))
        names = {*wanted, *shape.required}
        found = {name: draw(values(shape.fields[name], depth - 1)) for name in sorted(names)}
        return {**found, "unknown": 1} if draw(RARELY) else found
    if shape.items is None:
        return {}
    if shape.kind is Kind.MAP:
        keys = draw(st.lists(TEXTS, max_size=2, unique=True))
        return {key: draw(values(shape.items, depth - 1)) for key in keys}
    return [draw(values(shape.items, depth - 1)) for _ in range(draw(st.integers(0, 2)))]


def of(served: Served) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects of a kind, most of them with a proper type and name."""
    resource = served.resource
    typed = {"apiVersion": resource.api_version, "kind": resource.kind}

    def with_type(body: Any) -> dict[str, Any]:
        meta = {"metadata": {"name": "x"}} if isinstance(body, dict) else {}
        return {**(body if isinstance(body, dict) else {}), **typed, **meta}

    return values(served.shape, 7).map(with_type)


SERVED = [registry().served(resource) for resource in RESOURCES]
OBJECTS = st.sampled_from(SERVED).flatmap(lambda one: st.tuples(st.just(one), of(one)))


@SLOWLY
@given(OBJECTS)
def test_a_create_gives_an_object_or_a_refusal(drawn: tuple[Served, dict[str, Any]]) -> None:
    served, body = drawn
    result = create(served, deepcopy(body), FRESH, BY)
    if isinstance(result, Refusal):
        assert result.message
        assert len(result.message) < 60_000
        return
    orjson.dumps(result.obj)
    # What was stored can be read back and written again, and is then the same.
    again = writes.update(served, deepcopy(typed(served, result)), result.obj, BY)
    assert isinstance(again, Prepared), again
    assert not again.changed


def typed(served: Served, result: Prepared) -> dict[str, Any]:
    resource = served.resource
    return {**result.obj, "apiVersion": resource.api_version, "kind": resource.kind}


@SLOWLY
@given(OBJECTS)
def test_the_slow_path_finds_nothing_where_the_fast_one_says_yes(
    drawn: tuple[Served, dict[str, Any]],
) -> None:
    served, body = drawn
    resource = served.resource
    stored = {
        **body,
        "apiVersion": resource.stored_api_version,
        "kind": resource.stored_kind,
    }
    tidy, unknown, mistakes = decode(served.shape, stored)
    if served.strict.is_valid(stored):
        assert not unknown
        assert not mistakes
        assert tidy == stored


@SLOWLY
@given(st.sampled_from(SERVED), GARBAGE | st.dictionaries(TEXTS, GARBAGE))
def test_garbage_is_refused_or_tidied(served: Served, body: Any) -> None:
    assert isinstance(create(served, deepcopy(body), FRESH, BY), Prepared | Refusal)


@SLOWLY
@given(OBJECTS, st.sampled_from(writes.PATCH_TYPES), st.data())
def test_a_patch_gives_an_object_or_a_refusal(
    drawn: tuple[Served, dict[str, Any]], kind: str, data: st.DataObject
) -> None:
    served, body = drawn
    made = create(served, body, FRESH, BY)
    if isinstance(made, Refusal):
        return
    if kind == writes.JSON_PATCH:
        paths = st.sampled_from(["", "/spec", "/metadata/labels", "/metadata/name", "/spec/-"])
        ops = st.sampled_from(["add", "remove", "replace", "test"])
        change: Any = [
            {"op": data.draw(ops), "path": data.draw(paths), "value": data.draw(GARBAGE)}
        ]
    else:
        change = data.draw(of(served))
        change.setdefault("$setElementOrder/containers", [])
    frozen = deepcopy(made.obj)
    result = patch(served, kind, change, made.obj, BY, name="x", fresh=FRESH)
    assert isinstance(result, Prepared | Refusal)
    assert made.obj == frozen


JOB = b64decode(
    "azhzAAoPCghiYXRjaC92MRIDSm9iEowBChUKBWNvdW50EgAaACIAKgAyADgAQgASaTJnChAKABIAGgAiACoAMgA4"
    "AEIAElMSMAoFY291bnQSCWRlYmlhbjoxMhoFc2xlZXAaATEqAEIAagByAIABAIgBAJABAKIBABoFTmV2ZXIyAEIA"
    "SgBSAFgAYABoAIIBAIoBAJoBAMIBABoIIAAoADAAOgAaACIA"
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64), st.integers(4, len(JOB)), st.integers(0, 40))
def test_no_bytes_break_the_reader_of_protobuf(noise: bytes, at: int, cut: int) -> None:
    body = JOB[:at] + noise + JOB[at + cut :]
    assert isinstance(decode_protobuf(body), dict | Malformed)
