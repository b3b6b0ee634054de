"""Certificates go on without a token: a node's by the one it has, the server's own by itself."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from busbar.agent.api import Api, ApiRefused
from busbar.agent.certificate import renew_if_due
from busbar.agent.keys import key_pem, request_for
from busbar.agent.settings import AgentSettings, write_atomically
from busbar.model.objects import Key
from busbar.model.time import DAY, HOUR, format_instant
from busbar.server.http import HttpServer, listen, server_context
from busbar.server.joining import Joining, create_app
from busbar.server.pki import CLIENT_DAYS, SERVER_DAYS, open_authority, write_private
from busbar.server.renewal import Caller, OwnCertificates, RenewalRequest, renew
from busbar.server.requests import RequestRefused, read_document
from busbar.server.settings import ServerSettings
from busbar.store.contract import ANY, Delete, Put, Transaction
from busbar.store.memory import MemoryStore

NOW = 1_800_000_000_000
NODE = Key("", "nodes", "", "n1")


class Desk:
    """An authority, a store with a node `n1` made at NOW, and that node's certificate."""

    def __init__(self, directory: Path, at: int = NOW) -> None:
        self.store = MemoryStore()
        self.authority = open_authority(directory / "pki", at)
        self.make_node(at)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self.authority.sign_request(
            request_for(self.key, "n1"), "system:node:n1", ("system:nodes",), at
        )

    def make_node(self, at: int) -> None:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
        node["metadata"]["creationTimestamp"] = format_instant(at)  # type: ignore[index]
        self.store.commit_now(Transaction((Put(NODE, node, ANY),)))

    def caller(self, **changes: Any) -> Caller:
        der = x509.load_pem_x509_certificate(self.pem).public_bytes(Encoding.DER)
        return Caller("system:node:n1", ("system:nodes",), der)._replace(**changes)

    def renew(self, at: int, caller: Caller | None = None, csr: str = "") -> x509.Certificate:
        csr = csr or request_for(self.key, "whoever").decode()
        asked = renew(self.store, self.authority, caller or self.caller(), RenewalRequest(csr), at)
        return x509.load_pem_x509_certificate(asyncio.run(asked)["certificate"].encode())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_node_gets_a_certificate_of_its_own_name_for_another_year(desk: Desk) -> None:
    made = desk.renew(NOW + 300 * DAY)
    assert made.subject == x509.load_pem_x509_certificate(desk.pem).subject
    assert made.public_key() == desk.key.public_key()
    left = made.not_valid_after_utc.timestamp() * 1000 - (NOW + 300 * DAY)
    assert left == pytest.approx(CLIENT_DAYS * DAY, abs=HOUR)


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "admin", "groups": ("system:masters",)},
        {"user": "system:node:n1", "groups": ()},
        {"user": "vendor:elastx", "groups": ("system:nodes",)},
        {"certificate": None},
        {"user": "", "groups": (), "certificate": None},
    ],
    ids=["operator", "no node's group", "no node's name", "a token", "nobody"],
)
def test_only_a_node_by_its_certificate_renews(desk: Desk, changes: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused, match="only a node renews") as refused:
        desk.renew(NOW, desk.caller(**changes))
    assert refused.value.status == 403


def test_a_node_that_was_removed_does_not_come_back_by_renewing(desk: Desk) -> None:
    desk.store.commit_now(Transaction((Delete(NODE),)))
    with pytest.raises(RequestRefused, match="node n1 was removed; join anew") as refused:
        desk.renew(NOW)
    assert refused.value.status == 404


def test_the_certificate_of_an_earlier_node_of_that_name_is_not_renewed(desk: Desk) -> None:
    desk.make_node(NOW + DAY)
    with pytest.raises(RequestRefused, match="is of an earlier node n1") as refused:
        desk.renew(NOW + 2 * DAY)
    assert refused.value.status == 403


def test_what_is_no_request_is_refused(desk: Desk) -> None:
    with pytest.raises(RequestRefused, match=r"^csr: ") as refused:
        desk.renew(NOW, csr="nonsense")
    assert refused.value.status == 422


def test_an_agent_renews_over_the_wire_and_goes_on_with_the_new_certificate(
    tmp_path: Path,
) -> None:
    now = time.time_ns() // 1_000_000
    desk = Desk(tmp_path, now)
    seen: list[int] = []

    async def renewing(scope: dict[str, Any], receive: Any) -> Any:
        der = scope["extensions"]["tls"]["client_cert_der"]
        seen.append(x509.load_der_x509_certificate(der).serial_number)
        request = await read_document(receive, RenewalRequest, "the renewal")
        return await renew(desk.store, desk.authority, desk.caller(certificate=der), request, now)

    joining = Joining(desk.store, desk.authority, lambda: now, lambda: "u", lambda host: ("", ""))
    own = OwnCertificates(ServerSettings(data=str(tmp_path)), desk.authority)
    tls = server_context(
        *map(str, own.server(["127.0.0.1"], now)), str(tmp_path / "pki" / "ca.pem")
    )

    async def story() -> None:
        server = HttpServer(create_app(joining, renewing), tls)
        port = await server.start(listen("127.0.0.1", 0))
        settings = AgentSettings(
            node="n1", server=f"https://127.0.0.1:{port}", data=str(tmp_path / "node")
        )
        write_atomically(settings.ca_file, desk.authority.pem)
        write_atomically(settings.key_file, key_pem(desk.key))
        write_atomically(settings.certificate_file, desk.pem)
        async with Api(settings) as api:
            assert not await renew_if_due(api, now + 200 * DAY)
            for _ in range(2):
                assert await renew_if_due(api, now + 250 * DAY)
            with pytest.raises(ApiRefused, match="csr"):
                await api.post("/join/v1/renew", {"csr": "x"})
        await server.stop()

    asyncio.run(story())
    assert len(set(seen)) == 3, "each renewal is asked for by the certificate of the one before"


def serial_seen(context: ssl.SSLContext, authority_pem: bytes) -> int:
    """Shake hands in memory; gives the serial number of the certificate that is shown."""
    client = ssl.create_default_context(cadata=authority_pem.decode())
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    outside = client.wrap_bio(pipes[0], pipes[1], server_hostname="localhost")
    inside = context.wrap_bio(pipes[1], pipes[0], server_side=True)
    for side in (outside, inside, outside, inside):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    der = outside.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


def test_the_server_shows_its_renewed_certificate_without_a_restart(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    made = now - (SERVER_DAYS - 20) * DAY
    authority = open_authority(tmp_path / "pki", made)
    own = OwnCertificates(ServerSettings(data=str(tmp_path)), authority)
    names = ["localhost"]
    context = server_context(*map(str, own.server(names, made)), None)
    before = serial_seen(context, authority.pem)
    assert not own.reload(names, made, [context])
    assert not own.reload(names, made + DAY, [context])
    assert serial_seen(context, authority.pem) == before
    assert own.reload(names, now, [context])
    assert serial_seen(context, authority.pem) != before


class Operator:
    """The operator's kubeconfig."""

    def __init__(self, directory: Path) -> None:
        self.settings = ServerSettings(data=str(directory))
        self.own = OwnCertificates(self.settings, open_authority(self.settings.pki, NOW))

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.settings.kubeconfig.read_text())
        return found

    def change(self, document: dict[str, Any]) -> None:
        self.settings.kubeconfig.write_text(json.dumps(document))

    def ends(self) -> float:
        pem = base64.b64decode(self.document()["users"][0]["user"]["client-certificate-data"])
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp() * 1000


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    assert made.own.operator(NOW)
    return made


def test_the_operators_certificate_is_renewed_in_time(operator: Operator) -> None:
    first = operator.ends()
    assert not operator.own.operator(NOW + 200 * DAY)
    assert operator.own.operator(NOW + 300 * DAY)
    assert operator.ends() == pytest.approx(first + 300 * DAY, abs=HOUR)
    assert operator.settings.kubeconfig.stat().st_mode & 0o077 == 0


def test_even_one_that_has_ended_is_renewed(operator: Operator) -> None:
    assert operator.own.operator(NOW + 500 * DAY)
    assert operator.ends() > NOW + 800 * DAY


def test_what_the_operator_changed_in_it_stays(operator: Operator) -> None:
    document = operator.document()
    document["clusters"][0]["cluster"]["server"] = "https://cloud.test:6443"
    document["contexts"][0]["context"]["namespace"] = "xyz"
    operator.change(document)
    assert operator.own.operator(NOW + 300 * DAY)
    changed = operator.document()
    assert changed["clusters"][0]["cluster"]["server"] == "https://cloud.test:6443"
    assert changed["contexts"][0]["context"]["namespace"] == "xyz"


@pytest.mark.parametrize("content", ["apiVersion: v1\nkind: Config\n", "[]", "", '{"users": []}'])
def test_a_file_that_is_not_ours_is_left_alone(operator: Operator, content: str) -> None:
    operator.settings.kubeconfig.write_text(content)
    assert not operator.own.operator(NOW + 300 * DAY)
    assert operator.settings.kubeconfig.read_text() == content


def test_the_certificate_of_another_cloud_is_left_alone(operator: Operator, tmp_path: Path) -> None:
    other = Operator(tmp_path / "other")
    other.own.operator(NOW)
    write_private(operator.settings.kubeconfig, other.settings.kubeconfig.read_bytes())
    assert not operator.own.operator(NOW + 300 * DAY)
