"""Pods made from a spec that came before: the same objects, or the same refusals, as the first."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.alike import BYTES_MAX, KEPT, Templates
from busbar.apis.kubernetes.patches.writes import Fresh, Prepared, Request, create
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served, registry

BY = Request("tester", 1_790_000_000_000)
FRESH = Fresh("d", "6ea0f3a4-0000-4000-8000-000000000000", "x7z4k")
PLAIN = {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}}]}


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setattr(writes, "_PODS", Templates())
    found = registry().by_kind("", "v1", "Pod")
    assert found is not None
    return found


def make(pods: Served, body: dict[str, Any], by: Request = BY) -> Prepared | Refusal:
    return create(pods, deepcopy(body), FRESH, by)


@pytest.mark.parametrize(
    "meta",
    [
        {"name": "p"},
        {"generateName": "p-", "labels": {"a": "b"}, "annotations": {"x/y": "z"}},
        {"name": "p", "creationTimestamp": None, "uid": "mine", "managedFields": []},
        {"name": "p", "namespace": "d", "finalizers": ["a/b"], "selfLink": "/x"},
    ],
)
def test_the_second_pod_of_a_spec_is_what_it_would_have_been_as_the_first(
    pods: Served, meta: dict[str, Any]
) -> None:
    body = {"metadata": meta, "spec": PLAIN, "status": {"phase": "Running"}}
    alone = make(pods, body)
    assert isinstance(alone, Prepared)
    again = make(pods, body)
    assert again == alone
    assert again.obj["spec"] is alone.obj["spec"]


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"name": "UPPER"}},
        {"metadata": {}},
        {"metadata": {"name": "p", "resourceVersion": "1"}},
        {"metadata": {"name": "p", "namespace": "elsewhere"}},
        {"metadata": {"name": "p", "labels": {"a": 1}}},
        {"metadata": None},
        {"kind": "Job"},
        {"apiVersion": "v2"},
    ],
)
def test_what_else_is_wrong_with_it_is_refused_as_before(
    pods: Served, change: dict[str, Any]
) -> None:
    bad = {"metadata": {"name": "p"}, "spec": PLAIN, **change}
    first = make(pods, bad)
    assert isinstance(first, Refusal)
    assert isinstance(make(pods, {"metadata": {"name": "p"}, "spec": PLAIN}), Prepared)
    assert make(pods, bad) == first


def test_a_spec_with_unknown_fields_is_judged_by_every_request_s_own_strictness(
    pods: Served,
) -> None:
    body = {"metadata": {"name": "p"}, "spec": {**PLAIN, "unheardOf": 1}}
    assert isinstance(make(pods, body, BY._replace(field_validation="Ignore")), Prepared)
    assert isinstance(make(pods, body, BY._replace(field_validation="Strict")), Refusal)
    warned = make(pods, body)
    assert isinstance(warned, Prepared)
    assert warned.warnings == ('unknown field "spec.unheardOf"',)


def test_a_refused_spec_is_refused_again(pods: Served) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": []}}
    assert make(pods, body) == make(pods, body)
    assert isinstance(make(pods, body), Refusal)


def test_specs_that_mean_the_same_but_are_not_the_same_bytes_are_read_each_for_itself(
    pods: Served,
) -> None:
    one = make(pods, {"metadata": {"name": "p"}, "spec": PLAIN})
    other = make(pods, {"metadata": {"name": "p"}, "spec": {**PLAIN, "restartPolicy": "Always"}})
    assert isinstance(one, Prepared)
    assert isinstance(other, Prepared)
    assert one.obj["spec"] == other.obj["spec"]


def test_few_and_small_ones_are_remembered() -> None:
    templates = Templates()
    assert templates.key({"spec": {"a": "x" * BYTES_MAX}}) is None
    assert templates.key({"spec": "x"}) is None
    assert templates.key(["spec"]) is None
    for number in range(KEPT + 1):
        key = templates.key({"spec": {"number": number}})
        assert key is not None
        templates.remember(key, {"spec": {}, "status": {}}, {})
    assert templates.find(b'{"number":0}') is None
    assert templates.find(b'{"number":1}') is not None
