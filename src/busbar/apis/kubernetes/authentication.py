"""Who is asking: a client certificate, a bearer token, or nobody.

Certificates were verified by TLS against the cloud's own authority; here only their subject is
read (CN is the user, each O a group). Next: `authorization.py`, what they may do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from busbar.apis.kubernetes.ports import Clock, Identity, TokenLookup
from busbar.model.time import Instant

AUTHENTICATED = "system:authenticated"
_CACHED_MAX = 4096

ServiceAccountCheck = Callable[[str], Awaitable[Identity | None]]
"""Verifies a service account's token; it looks into the store, so it is asynchronous."""


class _Known(NamedTuple):
    identity: Identity
    not_after: Instant


class Authenticator:
    """Tells identities from what a connection and a request carry."""

    def __init__(
        self,
        clock: Clock,
        tokens: TokenLookup | None = None,
        service_accounts: ServiceAccountCheck | None = None,
    ) -> None:
        self._clock = clock
        self._tokens = tokens
        self._service_accounts = service_accounts
        self._by_certificate: dict[bytes, _Known] = {}

    async def identify(self, certificate: bytes | None, authorization: bytes) -> Identity | None:
        """Give who asks: the certificate counts before a token; None where neither is good."""
        if certificate:
            return self.by_certificate(certificate)
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > 8192:
            return None
        found = self._tokens(token) if self._tokens is not None else None
        if found is None and self._service_accounts is not None:
            found = await self._service_accounts(token)
        return _authenticated(found) if found is not None else None

    def by_certificate(self, der: bytes) -> Identity | None:
        """Give whom a certificate names; None where it has ended or names nobody."""
        known = self._by_certificate.get(der)
        if known is None:
            known = _read(der)
            if known is None:
                return None
            if len(self._by_certificate) >= _CACHED_MAX:
                self._by_certificate.clear()
            self._by_certificate[der] = known
        return known.identity if self._clock() <= known.not_after else None


def _read(der: bytes) -> _Known | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject
    except ValueError:
        return None
    users = [_text(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(users) != 1 or not users[0]:
        return None
    groups = [_text(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    ends = int(certificate.not_valid_after_utc.timestamp() * 1000)
    return _Known(_authenticated(Identity(users[0], tuple(groups))), ends)


def _authenticated(identity: Identity) -> Identity:
    if AUTHENTICATED in identity.groups:
        return identity
    return identity._replace(groups=(*identity.groups, AUTHENTICATED))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
