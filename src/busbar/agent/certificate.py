"""The node's certificate, renewed over the API with the one it has, long before it ends.

The new key is written beside the old one before it is asked for, and takes its place after the
certificate has: whatever is lost in between, one of the two keys fits. Next: `api.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from busbar.agent.clock import Clock
from busbar.agent.settings import AgentSettings, SettingsMissing, write_atomically
from busbar.model.objects import Object
from busbar.model.time import Instant

log = logging.getLogger("busbar.agent.certificate")

RENEW_PATH = "/join/v1/renew"
LOOK_SECONDS = 3600.0
_RENEWED_AFTER = 2 / 3
"""The part of its life after which a certificate is renewed: of 365 days, 121 are left to try."""


class RenewingApi(Protocol):
    """What renewing needs of the cloud."""

    @property
    def settings(self) -> AgentSettings:
        """Give whose certificate it is."""
        ...

    async def post(self, path: str, body: Object) -> Object:
        """POST a JSON document."""
        ...

    async def reconnect(self) -> None:
        """Go on with the certificate that lies in the data directory now."""
        ...


def client_context(settings: AgentSettings, now: Instant) -> ssl.SSLContext:
    """Give the TLS context of this node; refuses a certificate that has ended."""
    _settle(settings)
    if _ends(_certificate(settings)) <= now:
        raise SettingsMissing(
            f"the certificate of node {settings.node} has ended, for the node was away for too "
            f"long; remove the node by `kubectl delete node {settings.node}`, move "
            f"{settings.data} away, and join this machine anew"
        )
    context = ssl.create_default_context(cafile=str(settings.ca_file))
    context.load_cert_chain(str(settings.certificate_file), str(settings.key_file))
    return context


async def keep_certificate(api: RenewingApi, clock: Clock) -> None:
    """Renew when it is time, for ever; what does not succeed is tried again in an hour."""
    while True:
        try:
            await renew_if_due(api, clock.now())
        except Exception as error:  # A refusal, no network, a full disk: there is time.
            log.warning("the certificate could not be renewed, tried again later: %s", error)
        await asyncio.sleep(LOOK_SECONDS)


async def renew_if_due(api: RenewingApi, now: Instant) -> bool:
    """Renew the certificate where two thirds of its life are over; says whether."""
    settings = api.settings
    if now < due(_certificate(settings)):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    write_atomically(settings.next_key_file, key_pem(key))
    answer = await api.post(RENEW_PATH, {"csr": request_for(key, settings.node).decode()})
    write_atomically(settings.certificate_file, str(answer["certificate"]).encode())
    _settle(settings)
    await api.reconnect()
    log.info("the certificate of node %s was renewed", settings.node)
    return True


def due(certificate: x509.Certificate) -> Instant:
    """Give when a certificate is to be renewed."""
    begin = int(certificate.not_valid_before_utc.timestamp() * 1000)
    return begin + int((_ends(certificate) - begin) * _RENEWED_AFTER)


def request_for(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Give a signing request (PEM) for a key; the cloud chooses the subject itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Give a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _settle(settings: AgentSettings) -> None:
    """Let the next key take its place if the certificate is of it."""
    with contextlib.suppress(FileNotFoundError):
        raw = settings.next_key_file.read_bytes()
        key = serialization.load_pem_private_key(raw, None)
        if key.public_key() == _certificate(settings).public_key():
            settings.next_key_file.rename(settings.key_file)


def _certificate(settings: AgentSettings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(settings.certificate_file.read_bytes())


def _ends(certificate: x509.Certificate) -> Instant:
    return int(certificate.not_valid_after_utc.timestamp() * 1000)
