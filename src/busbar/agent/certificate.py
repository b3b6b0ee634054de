"""The node's certificate, renewed over the API with the one it has, long before it ends.

The new key is written beside the old one before it is asked for, and takes its place after the
certificate has: whatever is lost in between, one of the two keys fits. Next: `keys.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import ssl
from typing import Protocol

import msgspec

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
    if validity(settings).end <= now:
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
    if now < due(validity(settings)):
        return False
    from busbar.agent import keys

    key = keys.new_key()
    write_atomically(settings.next_key_file, keys.key_pem(key))
    answer = await api.post(RENEW_PATH, {"csr": keys.request_for(key, settings.node).decode()})
    write_atomically(settings.certificate_file, str(answer["certificate"]).encode())
    _settle(settings)
    await api.reconnect()
    log.info("the certificate of node %s was renewed", settings.node)
    return True


class Validity(msgspec.Struct, frozen=True):
    """When a certificate begins and ends; `of` is the SHA-256 of its file."""

    begin: Instant
    end: Instant
    of: str


def due(validity: Validity) -> Instant:
    """Give when a certificate is to be renewed."""
    return validity.begin + int((validity.end - validity.begin) * _RENEWED_AFTER)


def validity(settings: AgentSettings) -> Validity:
    """Give the dates of the node's certificate: read out once, then kept beside it."""
    certificate = settings.certificate_file.read_bytes()
    digest = hashlib.sha256(certificate).hexdigest()
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        known = msgspec.json.decode(settings.dates_file.read_bytes(), type=Validity)
        if known.of == digest:
            return known
    from busbar.agent import keys

    found = Validity(*keys.validity(certificate), digest)
    write_atomically(settings.dates_file, msgspec.json.encode(found))
    return found


def _settle(settings: AgentSettings) -> None:
    """Let the next key take its place if the certificate is of it."""
    with contextlib.suppress(FileNotFoundError):
        key = settings.next_key_file.read_bytes()
        from busbar.agent import keys

        if keys.fits(key, settings.certificate_file.read_bytes()):
            settings.next_key_file.rename(settings.key_file)
