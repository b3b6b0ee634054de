"""Orders that are alike are read once, and each is what it would be if read alone."""

from __future__ import annotations

from typing import Any

from busbar.market.alike import KEPT, Reader
from busbar.market.orders import Order, OrderRefused, parse_order

SPEC = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}]}
NAMESPACE = {"metadata": {"name": "team", "annotations": {"busbar.dev/max-euro-per-dtu": "0.5"}}}


def pod(name: str, spec: Any = SPEC, **notes: str) -> dict[str, Any]:
    annotations = {f"busbar.dev/{key.replace('_', '-')}": value for key, value in notes.items()}
    meta = {"name": name, "namespace": "team", "uid": f"uid-{name}", "annotations": annotations}
    labels = {"app": name}
    created = "2026-11-28T10:00:00Z"
    return {"metadata": {**meta, "labels": labels, "creationTimestamp": created}, "spec": spec}


def test_a_like_order_differs_in_its_name_only_and_shares_its_terms() -> None:
    reader = Reader()
    one = reader.read(pod("one", region="Sweden"), NAMESPACE)
    two = reader.read(pod("two", region="Sweden"), NAMESPACE)
    assert two == parse_order(pod("two", region="Sweden"), NAMESPACE)
    assert isinstance(one, Order)
    assert isinstance(two, Order)
    assert two.eligibility is one.eligibility


def test_what_a_pod_says_or_its_namespace_makes_another_order() -> None:
    reader = Reader()
    for notes in ({}, {"region": "Sweden"}, {"region": "Norway"}, {"max_euro_per_dtu": "1"}):
        for namespace in (None, NAMESPACE, {"metadata": {"name": "team"}}):
            found = reader.read(pod("p", **notes), namespace)
            assert found == parse_order(pod("p", **notes), namespace)


def test_a_spec_of_its_own_is_read_by_itself_even_where_it_has_an_old_one_s_address() -> None:
    reader = Reader()
    for cpu in range(1, 200):
        spec = {"containers": [{"resources": {"requests": {"cpu": str(cpu)}}}]}
        found = reader.read(pod("p", spec), NAMESPACE)
        assert isinstance(found, Order)
        assert found.requests.cpu_milli == 1000 * cpu


def test_a_pod_that_cannot_be_an_order_is_told_so_each_time() -> None:
    reader = Reader()
    for _ in range(2):
        found = reader.read(pod("p", may_wait="perhaps"), NAMESPACE)
        assert isinstance(found, OrderRefused)


def test_a_label_that_names_a_gang_is_not_overlooked() -> None:
    reader = Reader()
    member = pod("two")
    member["metadata"]["labels"]["scheduling.x-k8s.io/pod-group"] = "gang"
    assert isinstance(reader.read(pod("one"), NAMESPACE), Order)
    assert reader.read(member, NAMESPACE) == parse_order(member, NAMESPACE)


def test_it_does_not_grow_without_end() -> None:
    reader = Reader()
    for number in range(KEPT + 10):
        reader.read(pod("p", note=str(number)), NAMESPACE)
    assert len(reader._known) <= KEPT
