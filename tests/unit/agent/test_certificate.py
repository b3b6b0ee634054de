"""A node's key and certificate fit together, wherever a renewal was interrupted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from busbar.agent.api import Unreachable
from busbar.agent.certificate import client_context, renew_if_due, validity
from busbar.agent.keys import key_pem, new_key, request_for
from busbar.agent.settings import AgentSettings, SettingsMissing, write_atomically
from busbar.model.objects import Object
from busbar.model.time import DAY
from busbar.server.pki import CLIENT_DAYS, Authority, open_authority

NOW = 1_800_000_000_000
LATE = NOW + 300 * DAY


class Cloud:
    """A cloud that signs; it may be lost before or after it has."""

    def __init__(self, directory: Path) -> None:
        self.authority: Authority = open_authority(directory / "pki", NOW)
        self.settings = AgentSettings(node="n1", server="https://c", data=str(directory / "n1"))
        self.is_lost = False
        self.reconnected = 0
        key = ec.generate_private_key(ec.SECP256R1())
        write_atomically(self.settings.ca_file, self.authority.pem)
        write_atomically(self.settings.key_file, key_pem(key))
        write_atomically(self.settings.certificate_file, self.sign(request_for(key, "n1"), NOW))

    def sign(self, csr: bytes, at: int) -> bytes:
        return self.authority.sign_request(csr, "system:node:n1", ("system:nodes",), at)

    async def post(self, path: str, body: Object) -> Object:
        assert path == "/join/v1/renew"
        if self.is_lost:
            raise Unreachable("no route to host")
        return {"certificate": self.sign(body["csr"].encode(), LATE).decode()}

    async def reconnect(self) -> None:
        self.reconnected += 1

    def key(self) -> bytes:
        return self.settings.key_file.read_bytes()

    def fits(self) -> bool:
        key = serialization.load_pem_private_key(self.key(), None)
        pem = self.settings.certificate_file.read_bytes()
        return key.public_key() == x509.load_pem_x509_certificate(pem).public_key()


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


async def test_after_two_thirds_of_its_life_it_gets_another_key_and_certificate(
    cloud: Cloud,
) -> None:
    before = cloud.key()
    assert not await renew_if_due(cloud, NOW + 240 * DAY)
    assert await renew_if_due(cloud, LATE)
    assert cloud.key() != before
    assert cloud.fits()
    assert cloud.reconnected == 1
    assert not cloud.settings.next_key_file.exists()
    assert cloud.settings.key_file.stat().st_mode & 0o077 == 0
    assert not await renew_if_due(cloud, LATE + DAY)


async def test_a_cloud_that_does_not_answer_changes_nothing(cloud: Cloud) -> None:
    before = cloud.key()
    cloud.is_lost = True
    with pytest.raises(Unreachable):
        await renew_if_due(cloud, LATE)
    assert cloud.key() == before
    client_context(cloud.settings, LATE)
    assert cloud.fits()
    cloud.is_lost = False
    assert await renew_if_due(cloud, LATE)
    assert cloud.fits()


def test_a_crash_between_certificate_and_key_is_mended_at_the_next_start(cloud: Cloud) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_atomically(cloud.settings.next_key_file, key_pem(key))
    signed = cloud.sign(request_for(key, "n1"), LATE)
    write_atomically(cloud.settings.certificate_file, signed)
    assert not cloud.fits()
    client_context(cloud.settings, LATE)
    assert cloud.fits()


def test_a_certificate_that_has_ended_says_what_to_do(cloud: Cloud) -> None:
    with pytest.raises(SettingsMissing, match="the certificate of node n1 has ended") as refused:
        client_context(cloud.settings, NOW + (CLIENT_DAYS + 1) * DAY)
    assert "`kubectl delete node n1`" in str(refused.value)


def test_its_dates_are_kept_so_that_nobody_needs_to_read_it_again(cloud: Cloud) -> None:
    first = validity(cloud.settings)
    assert cloud.settings.dates_file.exists()
    assert validity(cloud.settings) == first
    assert first.end - first.begin >= CLIENT_DAYS * DAY


def test_dates_of_another_certificate_do_not_count(cloud: Cloud) -> None:
    validity(cloud.settings)
    signed = cloud.sign(request_for(new_key(), "n1"), LATE)
    write_atomically(cloud.settings.certificate_file, signed)
    assert validity(cloud.settings).end > LATE + (CLIENT_DAYS - 1) * DAY


def test_an_agent_starts_without_the_library_that_makes_keys() -> None:
    code = "import sys, busbar.agent.main; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
