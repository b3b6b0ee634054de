"""`busbar attest` and `busbar vendor --attributes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.attesting import TUV, attested, public, taken_back
from tests.unit.cli.fakes import BUSBAR, FakeCloud

from busbar.model.attestations.dsse import key_id, public_of
from busbar.model.attestations.trust import Standing, judge, read

UNTIL = "2999-01-01T00:00:00Z"


@pytest.fixture
def key(busbar: Any, tmp_path: Path) -> Path:
    file = tmp_path / "tuv.pem"
    assert busbar("attest", "key", file).code == 0
    return file


def public_in(busbar: Any, key: Path) -> str:
    return str(busbar("attest", "key", key).out.splitlines()[1].split(": ")[1].strip())


def test_a_key_is_made_once_readable_by_its_owner_only(busbar: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    first, again = busbar("attest", "key", file), busbar("attest", "key", file)
    assert first.out == again.out
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_auditor_is_registered_and_changes_its_key(busbar: Any, cloud: FakeCloud) -> None:
    assert busbar("attest", "auditor", "tuv", "--key", public(TUV)).code == 0
    path = f"{BUSBAR}/auditors/tuv"
    assert cloud.objects[path]["spec"]["keys"] == [{"publicKey": public(TUV)}]
    drop = busbar("attest", "auditor", "tuv", "--drop", key_id(public_of(TUV)))
    assert drop.code == 2
    assert "would have no key" in drop.err
    assert busbar("attest", "auditor", "tuv", "--key", "eA==").code == 2


def test_what_is_signed_is_a_statement_that_counts(
    busbar: Any, cloud: FakeCloud, key: Path
) -> None:
    cloud.add(f"{BUSBAR}/vendors/elastx", metadata={"uid": "u1"}, spec={})
    options = ("--auditor", "tuv", "--key", key, "--until", UNTIL)
    made = busbar("attest", "sign", "vendor/elastx", "certification=ISO27001", *options)
    assert made.code == 0, made.err
    envelope, statement = read(json.loads(made.out))
    auditor = {"spec": {"keys": [{"publicKey": public_in(busbar, key)}]}}
    now = statement.since + 1
    assert judge(envelope, statement, auditor, "u1", now).standing is Standing.VALID


def test_signing_with_a_uid_asks_no_cloud(busbar: Any, cloud: FakeCloud, key: Path) -> None:
    options = ("--auditor", "tuv", "--key", key, "--uid", "u9")
    assert busbar("attest", "sign", "node/n1", "region=Sweden", *options).code == 0
    assert not cloud.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pod/p", "a=b"), "vendor/NAME"),
        (("vendor/elastx", "a"), "NAME=VALUE"),
        (("vendor/elastx", "a b=c"), "no attribute's name"),
        (("vendor/elastx", "a=b", "--until", "soon"), "--until"),
        (("vendor/elastx", "a=b", "--until", "2001-01-01T00:00:00Z"), "notAfter"),
    ],
)
def test_what_cannot_be_signed_is_one_sentence(
    busbar: Any, key: Path, arguments: tuple[str, ...], said: str
) -> None:
    options = ("--auditor", "tuv", "--key", key, "--uid", "u")
    result = busbar("attest", "sign", *arguments, *options)
    assert result.code == 2
    assert said in result.err
    assert len(result.err.splitlines()) == 1


def test_a_key_file_that_is_none_is_named(busbar: Any, tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    file.write_text("no key")
    result = busbar("attest", "key", file)
    assert result.code == 2
    assert "no private key of Ed25519" in result.err


def add(cloud: FakeCloud, found: dict[str, Any], **status: Any) -> str:
    name = str(found["metadata"]["name"])
    cloud.add(f"{BUSBAR}/attestations/{name}", spec=found["spec"], status=status)
    return name


def test_an_auditor_takes_back_only_what_it_signed(
    busbar: Any, cloud: FakeCloud, key: Path
) -> None:
    found = attested("vendor", "elastx", "u1", 0, 10**12)
    name = add(cloud, found)
    other = busbar("attest", "revoke", name, "--auditor", "bsi", "--key", key)
    assert other.code == 2
    assert "signed by tuv" in other.err
    done = busbar("attest", "revoke", name, "--auditor", "tuv", "--key", key, "--submit")
    assert done.code == 0, done.err
    brought = [body for method, _, body in cloud.requests if method == "POST"]
    _, statement = read(brought[0])
    _, due = read(taken_back(found, 0))
    assert statement.revokes == due.revokes


def test_a_consumer_sees_claims_and_signatures_apart(busbar: Any, cloud: FakeCloud) -> None:
    cloud.add(f"{BUSBAR}/vendors/elastx", spec={"attributes": {"tier": "3"}})
    stated = {"vendor": "elastx", "attributes": {"certification": "ISO27001, SOC2"}}
    cloud.add(f"{BUSBAR}/offers/e", spec=stated)
    said = {"subject": "vendor/elastx", "auditor": "tuv", "notAfter": UNTIL}
    add(
        cloud,
        attested("vendor", "elastx", "u1", 0, 10**12),
        **said,
        standing="Valid",
        attributes={"certification": "ISO27001"},
    )
    add(
        cloud,
        attested("vendor", "elastx", "u1", 0, 10**11),
        **said,
        standing="Revoked",
        attributes={"certification": "SOC2"},
    )
    cloud.refuse("GET", "/api/v1/nodes", 403, "no")
    shown = busbar("vendor", "elastx", "--attributes").out
    rows = [line.split("  ") for line in shown.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["offer/e", "certification", "SOC2", "claimed", "-"] in cells
    assert ["vendor/elastx", "certification", "ISO27001", "signed by tuv", UNTIL] in cells
    assert ["vendor/elastx", "certification", "SOC2", "signed by tuv, Revoked", UNTIL] in cells
    listed = busbar("attest", "list", "vendor/elastx").out
    assert "certification=ISO27001" in listed
    assert busbar("attest", "list", "node/n1").out.count("\n") == 1


def test_the_evidence_of_a_region_is_shown_with_its_source(busbar: Any, cloud: FakeCloud) -> None:
    labels = {"busbar.dev/vendor": "elastx", "topology.kubernetes.io/region": "Sweden"}
    for name in ("n1", "n2"):
        cloud.add(f"/api/v1/nodes/{name}", metadata={"labels": labels}, status={})
    region = {"topology.kubernetes.io/region": "Sweden"}
    add(
        cloud,
        attested("node", "n1", "u1", 0, 10**12),
        subject="node/n1",
        auditor="tuv",
        standing="Valid",
        attributes=region,
    )
    shown = busbar("status").out
    assert "n1    elastx  Sweden  signed by tuv" in shown
    assert "n2    elastx  Sweden  granted" in shown
