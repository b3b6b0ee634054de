"""Whatever is sent to be quoted, the answer is a quote or a sentence."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.controllers.house import House
from tests.unit.server.market_world import MEMBER, call, knows, kubernetes_of, questions_of

from busbar.model.time import SECOND
from busbar.server.market.app import create_app

CONTAINER = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
POD = {"restartPolicy": "Never", "containers": [CONTAINER]}
META = {"name": "j", "namespace": "xyz", "annotations": {"busbar.dev/may-wait": "true"}}
MANIFESTS = [
    {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Job",
        "metadata": META,
        "spec": {
            "image": "i",
            "resources": {"cpu": "1", "memory": "1Gi"},
            "maxEuroPerDTU": "1",
            "notAfter": "2030-01-01T00:00:00Z",
            "expectedDuration": "2h",
            "restrictions": {"region": "Sweden"},
        },
    },
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": META,
        "spec": {"parallelism": 2, "completions": 2, "template": {"spec": POD}},
    },
    {"apiVersion": "v1", "kind": "Pod", "metadata": META, "spec": POD},
]
REVIEWS = "/apis/busbar.dev/v1alpha1/namespaces/xyz/quotereviews"
BEARER = [(b"authorization", b"Bearer x")]
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
    st.sampled_from(["0", "-1", "1e9", "9" * 40, "2000h", "0s", "xyz", "Sweden,", "1Ei"]),
)


@pytest.fixture(scope="module")
def house() -> House:
    house = House()
    house.supply()
    house.namespace()
    house.wait(2 * SECOND)
    return house


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_it_is_answered(house: House, data: st.DataObject) -> None:
    manifest = copy.deepcopy(data.draw(st.sampled_from(MANIFESTS)))
    for _ in range(data.draw(st.integers(1, 2))):
        _spoil(manifest, data)
    app = create_app(questions_of(house), house.store, knows(MEMBER))
    reviews = kubernetes_of(house, tokens=lambda token: MEMBER)
    asked = copy.deepcopy(manifest)
    found = call(app, "POST", "/market/v1/quotes", manifest)
    assert found.status in (200, 400, 403, 404, 422), found.body
    assert found.json.get("message") or found.json["now"]
    reviewed = call(reviews, "POST", REVIEWS, {"spec": {"manifest": asked}}, headers=BEARER)
    assert reviewed.status in (201, 400, 403, 404, 422), reviewed.body
    assert reviewed.json.get("message") or reviewed.json["status"]["now"]


def _spoil(value: Any, data: st.DataObject) -> None:
    """Replace something somewhere in a document."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = value[key]
        if isinstance(inner, dict | list) and data.draw(st.integers(0, 4)):
            value = inner
            continue
        value[key] = data.draw(junk)
        return


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["name", "namespace", "x"]), junk, max_size=2))
def test_whatever_order_is_asked_about_the_answer_is_a_reason_or_a_sentence(
    house: House, spec: dict[str, Any]
) -> None:
    reviews = kubernetes_of(house, tokens=lambda token: MEMBER)
    path = REVIEWS.replace("quotereviews", "orderreviews")
    found = call(reviews, "POST", path, {"spec": spec}, headers=BEARER)
    assert found.status in (201, 400, 404, 422), found.body
    assert found.json.get("message") or found.json["status"]["orders"]
