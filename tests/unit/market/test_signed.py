"""Signatures in the market: who is believed, for how long, and what the funnel says."""

from __future__ import annotations

import json

import pytest
from tests.unit.market.world import NODES, NOON, OFFERS, order

from busbar.market.attested import Attested, Claims
from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.counterfactual import outlook
from busbar.market.offers import parse_offer, supply_rows
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.time import DAY, HOUR, MINUTE
from busbar.replay.compare import Verdict, replay

ISO = {"certification": "ISO27001"}


def signed(auditor="tuv", value="ISO27001", since=0, until=NOON + DAY, name="certification"):
    return Attested(name, value, auditor, since, until)


def book(stated=None, **attested):
    """Make a book; attested by `kind_name`, such as vendor_elastx."""
    said = {tuple(name.split("_")): tuple(some) for name, some in attested.items()}
    claims = Claims(stated or {}, said)
    rows = supply_rows([parse_offer(o) for o in OFFERS], NODES, lambda _: True, claims)
    return Book.build(rows, (), ["elastx", "safespring", "hansecloud"])


def asking(signed_by="tuv", **terms):
    wanted = {**ISO, "signedBy": signed_by}
    return order("p", restrictions=json.dumps(wanted), **terms)


def place(found):
    return found.matches[0].node if found.matches else None


@pytest.mark.parametrize("subject", ["vendor_safespring", "offer_safespring", "node_s1"])
def test_what_is_signed_of_vendor_offer_or_node_counts(subject):
    assert place(clear(book(**{subject: [signed()]}), [asking()], NOON)) == "s1"


def test_a_claim_is_no_signature():
    stated = {"safespring": (("certification", "ISO27001"),)}
    found = clear(book(stated), [asking()], NOON)
    assert place(found) is None
    refusal = found.refusals[0]
    assert refusal.reason is Reason.NOT_ATTESTED
    assert [count.clause for count in refusal.funnel.counts] == [
        "2 that do not meet 'certification ISO27001 signed by tuv'",
        "1 that claim it, but not 'certification ISO27001 signed by tuv'",
    ]


def test_only_auditors_that_the_order_names_are_believed():
    has = book(vendor_safespring=[signed("friend")])
    assert place(clear(has, [asking("tuv")], NOON)) is None
    assert place(clear(has, [asking(["tuv", "friend"])], NOON)) == "s1"
    assert place(clear(has, [asking({"allOf": ["tuv", "friend"]})], NOON)) is None


def test_all_of_several_auditors_must_have_signed_the_same():
    has = book(
        vendor_safespring=[signed("a", "SOC2"), signed("b")],
        vendor_elastx=[signed("a"), signed("b")],
    )
    assert place(clear(has, [asking({"allOf": ["a", "b"]})], NOON)) == "e1"


def test_what_is_signed_is_not_said():
    """An order that asks for no signature goes by what is said: one meaning a word."""
    has = book(vendor_safespring=[signed()])
    assert place(clear(has, [order("p", restrictions=json.dumps(ISO))], NOON)) is None


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (NOON, NOON + HOUR, True),
        (NOON + 1, NOON + DAY, False),
        (0, NOON, False),
        (0, NOON + HOUR - 1, False),
    ],
)
def test_a_signature_must_hold_from_now_to_the_end_of_the_term(since, until, counts):
    has = book(vendor_safespring=[signed(since=since, until=until)])
    found = clear(has, [asking()], NOON)
    assert (place(found) == "s1") is counts
    if not counts:
        assert found.refusals[0].reason is Reason.NOT_ATTESTED


def test_an_order_that_waits_does_not_go_where_the_signature_will_have_ended():
    """Safespring's night is cheaper, but its certificate ends before."""
    deadline = "2027-03-11T11:00:00Z"
    lasting = book(vendor_safespring=[signed()])
    ending = book(vendor_safespring=[signed(until=NOON + 2 * HOUR)])
    night = clear(lasting, [asking(not_after=deadline, may_wait="true")], NOON).matches[0]
    day = clear(ending, [asking(not_after=deadline, may_wait="true")], NOON).matches[0]
    assert night.start > NOON + 2 * HOUR
    assert day.end <= NOON + 2 * HOUR


def test_the_exchange_of_places_keeps_to_signatures():
    """Two orders and one cheap node: only the one that needs no signature may be moved there."""
    has = book(vendor_safespring=[signed()], vendor_elastx=[signed()])
    wide = order("wide", cpu="3")
    found = clear(has, [asking(), wide], NOON)
    assert {m.order: m.node for m in found.matches} == {"p": "e1", "wide": "h1"}


def test_what_would_have_matched_unsigned_is_named():
    stated = {"safespring": (("certification", "ISO27001"),)}
    found = outlook(book(stated), asking(), [], NOON)
    words = [answer.sentence for answer in found.alternatives]
    said = "taking 'certification ISO27001' for true unsigned: safespring in Sweden at 0.06 €/DTU"
    assert said in words


@pytest.mark.parametrize("until", [NOON + DAY, NOON + 30 * MINUTE])
def test_a_clearing_with_signatures_can_be_worked_out_again(until):
    has = book(
        {"safespring": (("certification", "ISO27001"),)},
        vendor_safespring=[signed(until=until)],
        node_e1=[signed("bsi")],
    )
    status = clearing_to_json(has, [asking()], clear(has, [asking()], NOON))
    assert recompute(json.loads(json.dumps(status))) == status
    assert replay("c", status).verdict is Verdict.AGREES


def test_vendor_and_offer_both_state():
    stated = {"hansecloud": (("certification", "ISO27001"),)}
    found = clear(book(stated), [order("p", restrictions=json.dumps(ISO))], NOON)
    assert place(found) == "h1"
