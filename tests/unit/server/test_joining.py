"""How machines are let in: once per token, with what the token says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from busbar.model.objects import Key
from busbar.model.time import MINUTE
from busbar.server import identities
from busbar.server.joining import Joining, JoinRefused, JoinRequest
from busbar.server.pki import Authority, open_authority
from busbar.store.contract import ANY, Put, Transaction
from busbar.store.memory import MemoryStore

NOW = 1_800_000_000_000


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


class Gate:
    """A joining desk with a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.now = NOW
        self.store = MemoryStore()
        self.authority: Authority = open_authority(directory, NOW)
        self.joining = Joining(
            self.store,
            self.authority,
            lambda: self.now,
            lambda: "uid",
            lambda host: (f"https://{host}:6443", f"https://{host}:9443"),
        )

    def token(self, vendor: str = "elastx", region: str = "Sweden", ttl: int = 600) -> str:
        text, secret = identities.new_join_token(
            self.authority.fingerprint, vendor, region, self.now, ttl
        )
        key = Key("", "secrets", "busbar-system", secret["metadata"]["name"])
        self.store.commit_now(Transaction((Put(key, secret, ANY),)))
        return text

    def join(self, token: str, name: str = "n1", **changes: Any) -> dict[str, Any]:
        fields = {
            "token": token,
            "csr": request_for(name),
            "name": name,
            "cpu_milli": 2000,
            "memory_bytes": 4 << 30,
            "rating_micro": 1_000_000,
        }
        found: dict[str, Any] = run(
            self.joining.join(JoinRequest(**(fields | changes)), "10.0.0.1")
        )
        return found


def request_for(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"system:masters-{name}")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def test_a_machine_becomes_a_node_of_the_tokens_vendor_and_region(gate: Gate) -> None:
    reply = gate.join(gate.token())
    node = gate.store.snapshot_now().get(Key("", "nodes", "", "n1"))
    assert node is not None
    labels = node["metadata"]["labels"]
    assert (labels["busbar.dev/vendor"], labels["topology.kubernetes.io/region"]) == (
        "elastx",
        "Sweden",
    )
    assert reply["server"] == "https://10.0.0.1:6443"
    assert gate.store.snapshot_now().get(Key("busbar.dev", "vendors", "", "elastx")) is not None


def test_a_node_has_the_disk_that_its_machine_sells(gate: Gate) -> None:
    gate.join(gate.token(), ephemeral_bytes=50 << 30)
    gate.join(gate.token(), name="n2")
    sold = [gate.store.snapshot_now().get(Key("", "nodes", "", name)) for name in ("n1", "n2")]
    disks = [node["status"]["allocatable"]["ephemeral-storage"] for node in sold if node]
    assert disks == [str(50 << 30), "0"]


def test_the_certificate_names_the_node_whatever_the_request_said(gate: Gate) -> None:
    certificate = x509.load_pem_x509_certificate(gate.join(gate.token())["certificate"].encode())
    subject = certificate.subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:n1"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"


def test_a_token_works_once(gate: Gate) -> None:
    token = gate.token()
    gate.join(token)
    with pytest.raises(JoinRefused, match="already used") as refused:
        gate.join(token, name="n2")
    assert refused.value.status == 401
    assert gate.store.snapshot_now().get(Key("", "nodes", "", "n2")) is None


def test_two_machines_racing_with_one_token_get_one_node(gate: Gate) -> None:
    token = gate.token()
    requests = [
        JoinRequest(token, request_for(name), name, 2000, 4 << 30, 1_000_000)
        for name in ("n1", "n2")
    ]

    async def race() -> list[Any]:
        joins = [gate.joining.join(request, "h") for request in requests]
        return await asyncio.gather(*joins, return_exceptions=True)

    outcomes = run(race())
    assert sum(isinstance(outcome, JoinRefused) for outcome in outcomes) == 1


def test_a_token_expires_after_ten_minutes_at_most(gate: Gate) -> None:
    token = gate.token(ttl=86_400)
    gate.now += 10 * MINUTE
    with pytest.raises(JoinRefused, match="expired"):
        gate.join(token)


@pytest.mark.parametrize(
    "forged", ["", "a.b", "a.b.c", "x" * 190, "ffffffffffffffff.0123456789.secret"]
)
def test_no_token_of_ones_own_making_works(gate: Gate, forged: str) -> None:
    gate.token()
    with pytest.raises(JoinRefused) as refused:
        gate.join(forged)
    assert refused.value.status == 401


def test_a_right_id_with_a_wrong_secret_is_refused_and_does_not_spend_the_token(gate: Gate) -> None:
    token = gate.token()
    head = token.rpartition(".")[0]
    with pytest.raises(JoinRefused):
        gate.join(f"{head}.wrong")
    assert gate.join(token)["node"] == "n1"


def test_a_name_that_is_taken_keeps_the_token_good(gate: Gate) -> None:
    gate.join(gate.token())
    token = gate.token()
    with pytest.raises(JoinRefused, match="n1 exists already") as refused:
        gate.join(token)
    assert refused.value.status == 409
    assert gate.join(token, name="n2")["node"] == "n2"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating_micro": 0}, "ratingMicro"),
        ({"rating_micro": 10**9}, "ratingMicro"),
        ({"name": "../n"}, "name"),
        ({"name": "N_1"}, "name"),
        ({"csr": "no"}, "csr"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    gate: Gate, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(JoinRefused) as refused:
        gate.join(gate.token(), **change)
    assert refused.value.message.startswith(f"{field}:")
    assert refused.value.status == 422


def test_a_request_whose_signature_is_wrong_is_refused(gate: Gate) -> None:
    lines = request_for("n1").splitlines()
    middle = lines[len(lines) // 2]
    lines[len(lines) // 2] = middle[:10] + ("A" if middle[10] != "A" else "B") + middle[11:]
    with pytest.raises(JoinRefused, match="csr"):
        gate.join(gate.token(), csr="\n".join(lines))
