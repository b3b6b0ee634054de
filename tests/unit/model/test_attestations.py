"""Signed statements: what is signed is what is read, about one subject, by a key that counts."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from busbar.model.attestations.dsse import (
    Envelope,
    encoding,
    envelope_to_json,
    is_signed,
    key_id,
    public_of,
    read_envelope,
    sign,
)
from busbar.model.attestations.statements import PAYLOAD_TYPE, attests, read_statement, revokes
from busbar.model.attestations.trust import Standing, judge, keys_of
from busbar.model.errors import InvalidField
from busbar.model.time import DAY, HOUR, format_instant, parse_instant

NOW = parse_instant("2027-03-10T11:20:00Z", "now")
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def base64_of(key):
    return base64.b64encode(public_of(key)).decode()


def auditor(*keys, **more):
    listed = [{"publicKey": base64_of(key), **more} for key in keys or (KEY,)]
    return {"metadata": {"name": "tuv"}, "spec": {"keys": listed}}


def statement(**changes):
    said = {
        "kind": "vendor",
        "name": "elastx",
        "uid": "u1",
        "auditor": "tuv",
        "attributes": {"certification": "ISO27001"},
        "since": NOW - HOUR,
        "until": NOW + DAY,
    }
    return attests(**{**said, **changes})


def standing(payload, by=KEY, auditor=None, uid="u1", now=NOW, envelope=None):
    made = envelope or sign(PAYLOAD_TYPE, payload, by)
    known = {"metadata": {}, "spec": {"keys": [{"publicKey": base64_of(KEY)}]}}
    return judge(made, read_statement(made, "e"), auditor or known, uid, now).standing


def test_the_signed_bytes_are_those_of_the_dsse_specification():
    said = encoding("http://example.com/HelloWorld", b"hello world")
    assert said == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_statement_says_what_was_signed():
    read = read_statement(sign(PAYLOAD_TYPE, statement(), KEY), "e")
    assert (str(read.subject), read.auditor) == ("vendor/elastx", "tuv")
    assert read.attributes == (("certification", "ISO27001"),)
    assert (read.since, read.until) == (NOW - HOUR, NOW + DAY)


def test_an_envelope_read_back_is_the_same():
    made = sign(PAYLOAD_TYPE, statement(), KEY)
    assert read_envelope(json.loads(json.dumps(envelope_to_json(made))), "e") == made


def test_it_counts_from_and_until_its_times():
    assert standing(statement()) is Standing.VALID
    assert standing(statement(since=NOW + 1000)) is Standing.NOT_YET_VALID
    assert standing(statement(), now=NOW + DAY) is Standing.EXPIRED


def test_a_wrong_key_is_named():
    assert standing(statement(), by=OTHER) is Standing.UNKNOWN_KEY


def test_altered_content_does_not_count():
    made = sign(PAYLOAD_TYPE, statement(), KEY)
    better = made.payload.replace(b"ISO27001", b"ISO27002")
    altered = Envelope(made.payload_type, better, made.signatures)
    assert standing(None, envelope=altered) is Standing.WRONG_SIGNATURE


def test_a_signature_over_another_type_does_not_count():
    made = sign("text/plain", statement(), KEY)
    assert not is_signed(made._replace(payload_type=PAYLOAD_TYPE), public_of(KEY))


def test_a_statement_replayed_for_a_later_holder_of_the_name_does_not_count():
    assert standing(statement(), uid="u2") is Standing.OTHER_SUBJECT


def test_a_statement_about_another_kind_or_name_has_another_digest():
    digests = {
        read_statement(sign(PAYLOAD_TYPE, statement(**change), KEY), "e").subject.digest
        for change in ({}, {"kind": "offer"}, {"name": "safespring"}, {"uid": "u2"})
    }
    assert len(digests) == 4


def test_what_is_not_there_is_not_attested():
    assert standing(statement(), uid=None) is Standing.SUBJECT_MISSING


def test_an_auditor_that_nobody_registered_does_not_count():
    made = sign(PAYLOAD_TYPE, statement(), KEY)
    judged = judge(made, read_statement(made, "e"), None, "u1", NOW)
    assert judged.standing is Standing.UNKNOWN_AUDITOR
    assert "'tuv'" in judged.sentence


def test_an_auditor_changes_its_key_with_old_and_new_beside_each_other():
    both = auditor(KEY, OTHER)
    assert standing(statement(), by=KEY, auditor=both) is Standing.VALID
    assert standing(statement(), by=OTHER, auditor=both) is Standing.VALID
    assert standing(statement(), by=KEY, auditor=auditor(OTHER)) is Standing.UNKNOWN_KEY


def test_a_key_counts_in_its_own_time_only():
    short = auditor(KEY, notAfter=format_instant(NOW + HOUR))
    assert standing(statement(), auditor=short) is Standing.VALID
    assert standing(statement(), auditor=short, now=NOW + HOUR) is Standing.EXPIRED
    later = auditor(KEY, notBefore=format_instant(NOW + HOUR))
    assert standing(statement(), auditor=later) is Standing.NOT_YET_VALID


def test_what_takes_back_names_the_statement_by_its_digest():
    made = sign(PAYLOAD_TYPE, statement(), KEY)
    taken = sign(PAYLOAD_TYPE, revokes("tuv", made.digest, NOW), KEY)
    assert read_statement(taken, "e").revokes == made.digest
    assert standing(None, envelope=taken, uid=None) is Standing.REVOCATION


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (b"{", "e.payload"),
        (b"[]", "e.payload._type"),
        (b'{"a": 1, "a": 2}', "e.payload"),
        (b"[" * 10_000, "e.payload"),
        (statement().replace(b"in-toto.io", b"in-tato.io"), "e.payload._type"),
        (statement().replace(b"attests/v1", b"attests/v2"), "e.payload.predicateType"),
        (statement(auditor=""), "e.payload.predicate.auditor"),
        (statement(attributes={}), "e.payload.predicate.attributes"),
        (statement(attributes={"a b": "c"}), "e.payload.predicate.attributes.a b"),
        (statement(kind="pod"), "e.payload.predicate.subject"),
        (statement(until=NOW - DAY), "e.payload.predicate.notAfter"),
        (statement().replace(b'"sha256"', b'"md5"'), "e.payload.subject"),
    ],
)
def test_what_is_no_statement_is_named_with_its_path(payload, path):
    with pytest.raises(InvalidField) as caught:
        read_statement(sign(PAYLOAD_TYPE, payload, KEY), "e")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("envelope", "path"),
    [
        (7, "e"),
        ({}, "e.payloadType"),
        ({"payloadType": "t", "payload": "%"}, "e.payload"),
        ({"payloadType": "t", "payload": ""}, "e.payload"),
        ({"payloadType": "t", "payload": "eA==", "signatures": []}, "e.signatures"),
        ({"payloadType": "t", "payload": "eA==", "signatures": [1]}, "e.signatures[0]"),
        (
            {"payloadType": "t", "payload": "eA==", "signatures": [{"sig": "eA=="}]},
            "e.signatures[0].sig",
        ),
    ],
)
def test_what_is_no_envelope_is_named_with_its_path(envelope, path):
    with pytest.raises(InvalidField) as caught:
        read_envelope(envelope, "e")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (None, "spec.keys"),
        ([], "spec.keys"),
        ([7], "spec.keys[0]"),
        ([{"publicKey": "eA=="}], "spec.keys[0].publicKey"),
        ([{"publicKey": base64_of(KEY), "notBefore": "soon"}], "spec.keys[0].notBefore"),
    ],
)
def test_keys_that_cannot_be_read_are_named(keys, path):
    with pytest.raises(InvalidField) as caught:
        keys_of({"spec": {"keys": keys}})
    assert caught.value.path == path


def test_a_key_is_named_after_itself():
    assert len(key_id(public_of(KEY))) == 16
    assert key_id(public_of(KEY)) != key_id(public_of(OTHER))
