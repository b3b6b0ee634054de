"""Attestations in the exchange: what counts, from when, and what becomes of contracts."""

from __future__ import annotations

import json

import pytest
from tests.unit.attesting import THIEF, TUV, attested, auditor, taken_back
from tests.unit.controllers.house import House

from busbar.model.objects import Key, condition, spec_of, status_of, uid_of
from busbar.model.time import DAY, HOUR, MINUTE
from busbar.model.wellknown import ANN_RESTRICTIONS, GROUP

WANTED = {ANN_RESTRICTIONS: json.dumps({"certification": "ISO27001", "signedBy": "tuv"})}
AUDITOR = Key(GROUP, "auditors", "", "tuv")


@pytest.fixture
def house():
    made = House()
    made.namespace()
    made.supply()
    made.make(GROUP, "auditors", "", "tuv", spec=auditor())
    return made


def bring(house, found):
    return house.make(GROUP, "attestations", "", found["metadata"]["name"], spec=found["spec"])


def sign_vendor(house, until=DAY, key=TUV, since=0):
    uid = uid_of(house.get(Key(GROUP, "vendors", "", "elastx")))
    now = house.now
    return attested("vendor", "elastx", uid, now + since, now + until, key)


def reason(house, pod):
    return (condition(house.get(pod), "PodScheduled") or {}).get("reason")


def test_an_order_waits_until_what_it_wants_is_signed(house):
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "RestrictionNotMet"
    found = bring(house, sign_vendor(house))
    house.settle()
    assert spec_of(house.get(pod))["nodeName"] == "n1"
    status = house.status(found)
    assert (status["standing"], status["subject"]) == ("Valid", "vendor/elastx")
    assert house.status(AUDITOR)["attestations"] == 1


def test_a_claim_is_told_apart_from_what_is_missing(house):
    stated = {"attributes": {"certification": "ISO27001"}}
    house.door.change(Key(GROUP, "vendors", "", "elastx"), lambda obj: {**obj, "spec": stated})
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "NotAttested"


def test_a_statement_that_begins_later_lets_the_order_match_then(house):
    bring(house, sign_vendor(house, since=10 * MINUTE))
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "NotAttested"
    house.wait(11 * MINUTE)
    assert spec_of(house.get(pod))["nodeName"] == "n1"


def test_a_revocation_counts_from_the_next_batch_on(house):
    found = sign_vendor(house)
    key = bring(house, found)
    house.settle()
    bring(house, taken_back(found, house.now))
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "RestrictionNotMet"
    assert house.status(key)["standing"] == "Revoked"


def test_only_the_auditor_itself_takes_back_what_it_signed(house):
    found = sign_vendor(house)
    key = bring(house, found)
    false = bring(house, taken_back(found, house.now, THIEF))
    pod = house.pod(**WANTED)
    house.settle()
    assert spec_of(house.get(pod))["nodeName"] == "n1"
    assert house.status(key)["standing"] == "Valid"
    assert house.status(false)["standing"] == "UnknownKey"


def test_a_contract_runs_to_the_end_of_its_term_and_is_not_extended(house):
    found = sign_vendor(house)
    bring(house, found)
    house.pod(**WANTED)
    house.settle()
    house.runs(house.only_pod())
    bring(house, taken_back(found, house.now))
    house.wait(59 * MINUTE + 30_000)
    assert "deletionTimestamp" not in house.only_pod()["metadata"]
    assert "ran out or was taken back" in house.events("ContractEnding")[0]
    house.wait(MINUTE)
    assert house.only_pod()["metadata"]["deletionTimestamp"]
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    assert status_of(house.only_contract())["reason"] == "AttestationLapsed"


def test_an_offer_that_no_longer_names_the_node_does_not_hide_that_a_signature_is_gone(house):
    found = sign_vendor(house)
    bring(house, found)
    house.pod(**WANTED)
    house.settle()
    house.runs(house.only_pod())
    bring(house, taken_back(found, house.now))
    key = Key(GROUP, "offers", "", "elastx")
    spec = {**spec_of(house.get(key)), "nodeSelector": {"nobody": "has-this"}}
    assert house.door.change(key, lambda obj: {**obj, "spec": spec})
    house.wait(61 * MINUTE)
    assert house.only_pod()["metadata"]["deletionTimestamp"]
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    assert status_of(house.only_contract())["reason"] == "AttestationLapsed"


def test_a_contract_is_extended_while_what_it_wants_stays_signed(house):
    bring(house, sign_vendor(house))
    house.pod(**WANTED)
    house.settle()
    house.runs(house.only_pod())
    house.wait(3 * HOUR)
    assert status_of(house.only_contract())["phase"] == "Running"


def test_a_statement_that_runs_out_ends_the_contract_like_one_taken_back(house):
    bring(house, sign_vendor(house, until=90 * MINUTE))
    house.pod(**WANTED)
    house.settle()
    house.runs(house.only_pod())
    house.wait(HOUR + MINUTE)
    assert house.only_pod()["metadata"]["deletionTimestamp"]


def test_an_order_that_asks_for_no_signature_is_not_touched_by_any(house):
    found = sign_vendor(house)
    bring(house, found)
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    bring(house, taken_back(found, house.now))
    house.wait(2 * HOUR)
    assert status_of(house.only_contract())["phase"] == "Running"


def test_a_key_that_is_taken_off_takes_its_statements_along(house):
    key = bring(house, sign_vendor(house))
    house.settle()
    house.door.change(AUDITOR, lambda obj: {**obj, "spec": auditor(THIEF)})
    house.settle()
    assert house.status(key)["standing"] == "UnknownKey"
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "RestrictionNotMet"


def test_a_vendor_made_anew_under_the_same_name_has_no_certificate(house):
    key = bring(house, sign_vendor(house))
    house.settle()
    house.door.delete(Key(GROUP, "vendors", "", "elastx"), house.now)
    house.make(GROUP, "vendors", "", "elastx", spec={})
    house.settle()
    assert house.status(key)["standing"] == "OtherSubject"
    pod = house.pod(**WANTED)
    house.settle()
    assert reason(house, pod) == "RestrictionNotMet"


def test_what_runs_out_is_shown_as_expired(house):
    key = bring(house, sign_vendor(house, until=HOUR))
    house.settle()
    house.wait(HOUR + MINUTE)
    assert house.status(key)["standing"] == "Expired"
