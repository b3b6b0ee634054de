"""Gangs: read from the Pod, matched together, in one zone, at one time, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, pod

from busbar.market.clearing import clear
from busbar.market.company import in_company
from busbar.market.funds import Funds
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.gangs import Gang
from busbar.model.time import HOUR, format_instant
from busbar.replay.compare import replay

NODES = [
    node("a1", "near", "A", cpu="2"),
    node("a2", "near", "A", cpu="2"),
    node("b1", "far", "B", cpu="8", memory="32Gi"),
]
OFFERS = [offer("near", "near", "0.02"), offer("far", "far", "0.05")]
BOOK = make_book(NODES, OFFERS)


def labelled(labels: dict[str, str], **notes: str) -> dict[str, Any]:
    found = pod("p", **notes)
    found["metadata"]["labels"] = labels
    return found


def read(obj: dict[str, Any]) -> Order:
    found = parse_order(obj, None)
    assert isinstance(found, Order), found
    return found


def member(name: str, size: int = 2, cpu: str = "1", **terms: str) -> Order:
    return read(pod(name, cpu, gang="g", gang_size=str(size), **terms))


def refused(obj: dict[str, Any]) -> str:
    found = parse_order(obj, None)
    assert isinstance(found, OrderRefused), found
    return found.sentence


def cleared(*orders: Order, book=BOOK, **kwargs):
    clearing = clear(book, orders, NOON, **kwargs)
    status = clearing_to_json(book, orders, clearing)
    assert replay("c", status).findings == ()
    assert recompute(status) == status
    return clearing


def nodes(clearing) -> dict[str, str]:
    return {match.order: match.node for match in clearing.matches}


def reasons(clearing) -> set[Reason]:
    return {refusal.reason for refusal in clearing.refusals}


# How it is said.


def test_pods_that_name_the_same_gang_in_one_namespace_belong_together():
    one, other = read(pod("a", gang="g", gang_size="2")), read(pod("b", gang="g", gang_size="2"))
    assert one.gang == other.gang
    assert one.gang is not None
    assert "g" not in (one.gang.name, one.namespace)
    elsewhere = pod("a", gang="g", gang_size="2")
    elsewhere["metadata"]["namespace"] = "abc"
    assert read(elsewhere).gang != one.gang


def test_the_labels_of_coscheduling_and_kueue_are_understood():
    coscheduling = {"scheduling.x-k8s.io/pod-group": "g"}
    assert read(labelled(coscheduling, gang_size="3")).gang == member("x", 3).gang
    kueue = labelled({"kueue.x-k8s.io/pod-group-name": "g"})
    kueue["metadata"]["annotations"]["kueue.x-k8s.io/pod-group-total-count"] = "3"
    assert read(kueue).gang == member("x", 3).gang


def test_pods_of_one_owner_are_a_gang_by_their_size_alone():
    found = pod("p", gang_size="2")
    owner = {"kind": "Job", "name": "j", "uid": "u1", "controller": True}
    found["metadata"]["ownerReferences"] = [owner]
    gang = read(found).gang
    assert gang is not None
    other = {**found, "metadata": {**found["metadata"], "name": "q", "uid": "q"}}
    assert read(other).gang == gang


@pytest.mark.parametrize(
    ("obj", "sentence"),
    [
        (pod("p", gang="g"), "must say how many members the gang has"),
        (pod("p", gang="g", gang_size="0"), "must be a whole number from 1 to 1000"),
        (pod("p", gang="g", gang_size="many"), "must be a whole number from 1 to 1000"),
        (pod("p", gang_size="2"), "needs the name of the gang"),
        (labelled({"kueue.x-k8s.io/pod-group-name": "g"}), "must say how many members"),
    ],
)
def test_a_gang_that_cannot_be_read_is_refused_with_the_field(obj, sentence):
    found = refused(obj)
    assert sentence in found
    assert found.startswith("metadata.annotations[busbar.dev/gang-size]: ")


# How it is matched.


def test_a_gang_starts_in_the_zone_that_costs_it_least():
    clearing = cleared(member("a"), member("b"))
    assert {match.zone for match in clearing.matches} == {"A"}
    assert len(clearing.matches) == 2


def test_a_gang_goes_where_all_of_it_has_room_though_part_would_be_cheaper_elsewhere():
    clearing = cleared(*(member(name, 5) for name in "abcde"))
    assert {match.zone for match in clearing.matches} == {"B"}
    assert len(clearing.matches) == 5


def test_where_no_zone_has_room_for_all_nobody_starts_and_the_others_get_the_room():
    gang = [member(name, 9) for name in "abcdefghi"]
    alone = read(pod("alone", "2", max_euro_per_dtu="1"))
    clearing = cleared(*gang, alone)
    assert nodes(clearing).keys() == {"alone"}
    assert reasons(clearing) == {Reason.GANG_NOT_PLACED}
    sentence = clearing.refusals[0].sentence
    assert "8 of 9 members of the gang find a place in B, one of the others does not" in sentence
    assert "2 in another zone than the rest of the gang" in sentence


def test_a_gang_that_is_not_whole_waits_with_its_own_reason():
    clearing = cleared(member("a", 3), member("b", 3))
    assert reasons(clearing) == {Reason.GANG_INCOMPLETE}
    assert clearing.refusals[0].message == "2 of 3 members of the gang are there"


def test_one_member_that_comes_too_late_keeps_all_waiting():
    late = member("b", not_after=format_instant(NOON - 1))
    clearing = cleared(member("a"), late)
    assert {r.order: r.reason for r in clearing.refusals} == {
        "a": Reason.GANG_INCOMPLETE,
        "b": Reason.EXPIRED,
    }


def test_a_member_that_comes_back_goes_where_the_others_are():
    alone = member("a", 3)
    assert alone.gang is not None
    back = replace(alone, gang=alone.gang._replace(there=2, zones=("B",)))
    assert nodes(cleared(back)) == {"a": "b1"}


def test_the_cap_of_each_member_binds_at_the_uniform_price():
    rich = member("a", max_euro_per_dtu="0.06", cpu="8")
    poor = member("b", max_euro_per_dtu="0.04")
    clearing = cleared(rich, poor)
    assert clearing.matches == ()
    assert reasons(clearing) == {Reason.GANG_NOT_PLACED}


def test_a_gang_that_may_wait_starts_at_one_time_in_the_cheapest_hours():
    night = {"timeZone": "UTC", "rules": [{"from": "20:00", "until": "22:00", "pricePerDTU": "0"}]}
    book = make_book(NODES, [OFFERS[0], offer("far", "far", "0.05", calendar=night)])
    terms = {"may_wait": "true", "not_after": format_instant(NOON + 12 * HOUR)}
    clearing = cleared(member("a", **terms), member("b", **terms), book=book)
    assert [(m.zone, m.start % (24 * HOUR)) for m in clearing.matches] == [("B", 20 * HOUR)] * 2


def test_a_gang_of_which_one_must_run_now_runs_now():
    night = {"timeZone": "UTC", "rules": [{"from": "20:00", "until": "22:00", "pricePerDTU": "0"}]}
    book = make_book(NODES, [OFFERS[0], offer("far", "far", "0.05", calendar=night)])
    clearing = cleared(member("a", may_wait="true"), member("b"), book=book)
    assert {match.start for match in clearing.matches} == {NOON}


def test_where_money_is_short_for_one_member_none_takes_part():
    members = [member("a"), member("b")]
    one = next(iter(cleared(*members).matches)).hold_nano
    clearing = clear(BOOK, members, NOON, funds={"xyz": Funds(2 * one - 1)})
    assert clearing.matches == ()
    assert reasons(clearing) == {Reason.INSUFFICIENT_FUNDS}
    assert len(clear(BOOK, members, NOON, funds={"xyz": Funds(2 * one)}).matches) == 2


def test_who_does_not_belong_to_a_gang_is_not_held_up_by_one_that_cannot_pay():
    members, alone = [member("a"), member("b")], read(pod("alone"))
    funds = {"xyz": Funds(next(iter(cleared(alone).matches)).hold_nano)}
    assert nodes(clear(BOOK, [*members, alone], NOON, funds=funds)).keys() == {"alone"}


def test_members_that_keep_apart_start_on_different_nodes():
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "db"}},
    }
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    members = []
    for name in "ab":
        obj = pod(name, gang="g", gang_size="2")
        obj["metadata"]["labels"] = {"app": "db"}
        obj["spec"]["affinity"] = rule
        members.append(read(obj))
    sociable, companions = in_company(members, ())
    clearing = cleared(*sociable, book=BOOK.among(companions))
    assert sorted(nodes(clearing).values()) == ["a1", "a2"]


def test_two_gangs_that_want_the_same_room_are_served_by_their_caps():
    cheap = [replace(member(name, 2, "4"), gang=Gang("cheap", 2)) for name in "ab"]
    dear = [
        replace(member(name, 2, "4"), gang=Gang("dear", 2), cap_nano=cheap[0].cap_nano + 1)
        for name in "cd"
    ]
    assert nodes(cleared(*cheap, *dear)).keys() == {"c", "d"}
