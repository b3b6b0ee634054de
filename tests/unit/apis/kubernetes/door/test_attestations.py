"""Signed statements at the door: verified before they are stored, whoever brings them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.attesting import THIEF, attestation, attested, auditor, taken_back

from busbar.model.attestations.statements import attests
from busbar.model.time import DAY, HOUR

OWN = "/apis/busbar.dev/v1alpha1"
ATTESTATIONS = f"{OWN}/attestations"


@pytest.fixture
def world(cloud: Any) -> Any:
    """Two vendors and an auditor."""
    operator = cloud.client()
    for name in ("elastx", "safespring"):
        body = {"metadata": {"name": name}, "spec": {}}
        assert operator.post(f"{OWN}/vendors", body).status == 201
    body = {"metadata": {"name": "tuv"}, "spec": auditor()}
    assert operator.post(f"{OWN}/auditors", body).status == 201
    return cloud


def of(world: Any, name: str = "elastx", key: Any = None, until: int = DAY) -> dict[str, Any]:
    uid = world.client().get(f"{OWN}/vendors/{name}").json["metadata"]["uid"]
    keys = {} if key is None else {"key": key}
    return attested("vendor", name, uid, world.now - HOUR, world.now + until, **keys)


@pytest.mark.parametrize("who", ["operator", "alice", "safespring"])
def test_whoever_takes_part_may_bring_one(world: Any, who: str) -> None:
    client = world.client(who)
    found = of(world)
    assert client.post(ATTESTATIONS, found).status == 201
    assert client.get(f"{ATTESTATIONS}/{found['metadata']['name']}").status == 200
    assert client.post(ATTESTATIONS, found).status == 409


@pytest.mark.parametrize("who", ["alice", "elastx"])
def test_only_operators_register_auditors_or_remove_statements(world: Any, who: str) -> None:
    client = world.client(who)
    body = {"metadata": {"name": "friend"}, "spec": auditor(THIEF)}
    assert client.post(f"{OWN}/auditors", body).status == 403
    assert client.merge(f"{OWN}/auditors/tuv", {"spec": auditor(THIEF)}).status == 403
    found = of(world)
    world.client().post(ATTESTATIONS, found)
    assert client.delete(f"{ATTESTATIONS}/{found['metadata']['name']}").status == 403


def refused(world: Any, body: dict[str, Any]) -> str:
    answer = world.client().post(ATTESTATIONS, body)
    assert answer.status == 422, answer.body
    return str(answer.json["message"])


def test_each_false_statement_is_refused_with_its_reason(world: Any) -> None:
    assert "(UnknownKey)" in refused(world, of(world, key=THIEF))
    assert "(Expired)" in refused(world, of(world, until=-1000))
    nobody = attested("vendor", "nobody", "u", world.now, world.now + DAY)
    assert "there is no vendor/nobody (SubjectMissing)" in refused(world, nobody)
    uid = world.client().get(f"{OWN}/vendors/elastx").json["metadata"]["uid"]
    replayed = attested("vendor", "safespring", uid, world.now, world.now + DAY)
    assert "(OtherSubject)" in refused(world, replayed)
    stranger = attests("vendor", "elastx", uid, "friend", {"a": "b"}, world.now, world.now + DAY)
    assert "there is no Auditor 'friend'" in refused(world, attestation(stranger))


def test_an_altered_statement_is_refused(world: Any) -> None:
    one, other = of(world), of(world, until=2 * DAY)
    signatures = one["spec"]["envelope"]["signatures"]
    other["spec"]["envelope"]["signatures"] = signatures
    assert "(WrongSignature)" in refused(world, other)


def test_its_name_follows_from_what_is_signed(world: Any) -> None:
    found = of(world)
    due = found["metadata"]["name"]
    found["metadata"]["name"] = "another"
    assert f"must be {due}" in refused(world, found)


def test_what_is_signed_never_changes(world: Any) -> None:
    one, other = of(world), of(world, until=2 * DAY)
    world.client().post(ATTESTATIONS, one)
    path = f"{ATTESTATIONS}/{one['metadata']['name']}"
    changed = world.client().merge(path, {"spec": other["spec"]})
    assert changed.status == 422
    assert "what is signed never changes" in changed.json["message"]


def test_a_revocation_is_taken(world: Any) -> None:
    found = of(world)
    world.client().post(ATTESTATIONS, found)
    assert world.client().post(ATTESTATIONS, taken_back(found, world.now)).status == 201
    assert "(UnknownKey)" in refused(world, taken_back(found, world.now, THIEF))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"keys": [{"publicKey": "eA=="}]}, "spec.keys[0].publicKey"),
        ({"keys": [{"publicKey": "x" * 44, "notAfter": "soon"}]}, "spec.keys[0]"),
    ],
)
def test_keys_that_cannot_be_read_are_refused(world: Any, spec: Any, field: str) -> None:
    body = {"metadata": {"name": "bad"}, "spec": spec}
    answer = world.client().post(f"{OWN}/auditors", body)
    assert answer.status == 422
    assert field in answer.json["message"]


def test_a_vendor_states_attributes_but_not_where_it_is(world: Any) -> None:
    vendor = world.client("elastx")
    path = f"{OWN}/vendors/elastx"
    assert vendor.merge(path, {"spec": {"attributes": {"tier": "3"}}}).status == 200
    assert vendor.merge(path, {"spec": {"attributes": {"region": "Sweden"}}}).status == 422
