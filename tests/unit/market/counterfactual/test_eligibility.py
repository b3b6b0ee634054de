"""What would have matched in other places."""

from __future__ import annotations

from tests.unit.market.world import NODES, OFFERS, make_book, order, told

from busbar.market.counterfactual import Change


def test_a_region_without_supply():
    assert told(order("job", region="Norway")) == {
        Change.REGION: "region Germany as well: hansecloud in Germany at 0.02 €/DTU"
    }


def test_a_vendor_that_is_too_small():
    job = order("job", vendor="elastx", region="Germany")
    assert told(job)[Change.VENDOR] == (
        "vendor hansecloud as well: hansecloud in Germany at 0.02 €/DTU"
    )


def test_a_taint_and_a_label():
    tainted = [{**n, "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}} for n in NODES]
    found = told(order("job"), book=make_book(tainted, OFFERS))
    assert found == {
        Change.TOLERATIONS: "tolerating gpu:NoSchedule: hansecloud in Germany at 0.02 €/DTU"
    }
