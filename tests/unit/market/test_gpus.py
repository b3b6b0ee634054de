"""GPUs draw by the class of the node that they are on: priced, published, chosen by label."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, order

from busbar.market.book import Book
from busbar.market.burden import Burden, Data
from busbar.market.clearing import clear
from busbar.market.curve import forward_curves
from busbar.market.depth import zone_books
from busbar.market.offers import validate_offer
from busbar.market.orders import Order
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.dtu import MICRO
from busbar.replay.compare import Verdict, replay

GIB = 1024**3
PRODUCT, CLASS = "nvidia.com/gpu.product", "busbar.dev/gpu-class"
A100, T4 = "NVIDIA-A100-SXM4-40GB", "Tesla-T4"


def equipped(name: str, vendor: str, product: str, gpus: int = 4, region: str = "Sweden", **marks):
    made = node(name, vendor, region)
    made["metadata"]["labels"] |= {PRODUCT: product} if product else {}
    made["metadata"]["labels"] |= marks
    made["status"]["allocatable"]["nvidia.com/gpu"] = str(gpus)
    return made


def two(heavy: str = "0.05", light: str = "0.06", **terms) -> Book:
    """Give a node of A100 at one price per DTU, and one of T4 at another."""
    nodes = [equipped("big", "elastx", A100), equipped("small", "safespring", T4)]
    offers = [offer("heavy", "elastx", heavy, **terms), offer("light", "safespring", light)]
    return make_book(nodes, offers)


def asking(name: str, gpus: int, **terms: str) -> Order:
    found = order(name, **terms)
    return replace(found, requests=found.requests._replace(gpus=gpus))


def only(book: Book, wanted: Order):
    (found,) = clear(book, [wanted], NOON).matches
    return found


def published(book: Book, *orders: Order) -> dict[str, object]:
    found = clearing_to_json(book, orders, clear(book, orders, NOON))
    copy: dict[str, object] = json.loads(json.dumps(found))
    return copy


def test_a_gpu_draws_what_its_class_weighs():
    assert only(two(), asking("j", 2)).draw_micro == 2 * 39 * MICRO
    light = only(two(), asking("j", 2, restrictions='{"gpuClass": "T4"}'))
    assert (light.node, light.draw_micro) == ("small", 2 * 8 * MICRO)
    assert only(two(), order("j")).draw_micro == MICRO


def test_it_draws_the_more_the_faster_its_node_and_as_much_as_cpu_where_that_is_more():
    fast = equipped("n", "elastx", T4)
    fast["metadata"]["annotations"]["busbar.dev/speed-rating-micro"] = "1500000"
    fast["status"]["allocatable"]["cpu"] = "32"
    book = make_book([fast], [offer("o", "elastx", "0.05")])
    assert only(book, asking("j", 1)).draw_micro == 12 * MICRO
    found = order("j", cpu="20")
    found = replace(found, requests=found.requests._replace(gpus=1))
    assert only(book, found).draw_micro == 30 * MICRO


def test_prices_are_compared_by_the_dtu_so_a_heavier_class_is_not_a_dearer_one():
    assert only(two("0.05", "0.06"), asking("j", 1)).node == "big"
    assert only(two("0.07", "0.06"), asking("j", 1)).node == "small"


@pytest.mark.parametrize(("euro", "there"), [("0.07", "small"), ("0.09", "big")])
def test_what_data_costs_is_weighed_against_the_draw_of_the_lightest_class(euro, there):
    """At 8 DTU a cent between the prices is 0.08 €; as one DTU it would have been 0.01 €."""
    rates = {"otherVendor": euro}
    nodes = [equipped("big", "elastx", A100), equipped("small", "safespring", T4)]
    offers = [
        offer("heavy", "elastx", "0.05"),
        offer("light", "safespring", "0.04", transfer={"ingress": rates}),
    ]
    book = make_book(nodes, offers)
    wanted = replace(asking("j", 1), burden=Burden(Data("Sweden", "elastx", GIB)))
    assert only(book, wanted).node == there
    status = published(book, wanted)
    assert replay("c", status).verdict is Verdict.AGREES


def test_the_class_is_published_by_the_node_and_not_where_there_is_none():
    book = make_book(
        [equipped("g", "elastx", A100), node("c", "elastx", "Sweden")],
        [offer("o", "elastx", "0.05")],
    )
    plain, gpus = published(book, asking("j", 1))["supply"][0]["nodes"]
    assert (gpus["gpuClass"], gpus["gpuWeightMicro"]) == ("A100", 39 * MICRO)
    assert gpus["labels"][CLASS] == "A100"
    assert not {"gpuClass", "gpuWeightMicro"} & plain.keys()
    assert CLASS not in plain["labels"]


def test_it_can_be_worked_out_again_and_a_draw_of_another_class_is_found_out():
    status = published(two(), asking("j", 1), asking("k", 4), asking("too-many", 9))
    assert recompute(status) == status
    assert replay("c", status).verdict is Verdict.AGREES
    assert [m["drawMicro"] for m in status["matches"]] == [8 * MICRO, 4 * 39 * MICRO]
    status["matches"][0]["drawMicro"] = 39 * MICRO
    assert replay("c", status).verdict is Verdict.DISAGREES


def test_a_record_of_before_gpus_had_a_weight_is_worked_out_as_it_was():
    status = published(two(), asking("j", 2))
    for sold in status["supply"]:
        for one in sold["nodes"]:
            del one["gpuClass"], one["gpuWeightMicro"]
    status["matches"][0]["drawMicro"] = MICRO
    assert recompute(status) == status
    assert replay("c", status).verdict is Verdict.AGREES


def test_the_class_that_is_paid_for_is_the_one_that_orders_see():
    liar = equipped("liar", "elastx", T4, **{CLASS: "H100"})
    book = make_book([liar], [offer("o", "elastx", "0.05")])
    chosen = asking("j", 1, restrictions='{"gpuClass": "H100"}')
    (refused,) = clear(book, [chosen], NOON).refusals
    assert refused.reason is Reason.RESTRICTION_NOT_MET
    assert only(book, asking("j", 1)).draw_micro == 8 * MICRO


def test_no_offer_may_state_a_class():
    made = offer("o", "elastx", "0.05", attributes={"gpuClass": "H100"})
    ((path, message),) = validate_offer(made)
    assert path == "spec.attributes.gpuClass"
    assert message


def test_who_finds_no_gpus_is_told_so():
    book = make_book([node("c", "elastx", "Sweden")], [offer("o", "elastx", "0.05")])
    (refused,) = clear(book, [asking("j", 1)], NOON).refusals
    assert refused.reason is Reason.NOT_ENOUGH_GPU
    assert "1 without enough GPUs (1 requested)" in refused.message


def test_the_larger_draw_goes_first_and_gpus_count_in_it():
    lone = make_book([equipped("n", "elastx", T4, gpus=2)], [offer("o", "elastx", "0.05")])
    hungry = replace(order("cpu", cpu="3"), id="cpu")
    keen = replace(asking("gpu", 2), id="gpu")
    keen = replace(keen, requests=keen.requests._replace(cpu_milli=2000))
    matched = {match.order for match in clear(lone, [hungry, keen], NOON).matches}
    assert matched == {"gpu"}


def test_the_book_shows_gpus_by_class_and_counts_them_as_what_is_free():
    shown = zone_books(two(), [asking("j", 2)], {}, NOON)["Sweden"]
    gpus = [ask["gpus"] for ask in shown["asks"]]
    assert gpus == [
        [{"class": "A100", "free": 4, "weightDTU": "39"}],
        [{"class": "T4", "free": 4, "weightDTU": "8"}],
    ]
    assert [ask["freeDTU"] for ask in shown["asks"]] == ["156", "32"]
    assert shown["bids"][0]["drawDTU"] == "16"
    curve = forward_curves(two(), NOON)["Sweden"]
    assert curve["slots"][0]["freeDTU"] == "188"
