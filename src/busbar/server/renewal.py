"""How certificates go on: a node's over the API with the one it has, the server's own by itself.

A node asks POST /join/v1/renew with its certificate and a new key's request; no token. The
certificate must be of the node that bears the name now: one that was issued before the Node was
made belongs to a machine that was removed. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import ssl
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from busbar.model.objects import Key, metadata
from busbar.model.time import Instant, parse_instant, to_datetime
from busbar.model.wellknown import NODE_PREFIX, NODES, OPERATORS
from busbar.server.kubeconfig import write_kubeconfig
from busbar.server.pki import BACKDATE, Authority, CertificateRequestRefused, server_certificate
from busbar.server.requests import RequestRefused
from busbar.server.settings import ServerSettings
from busbar.store.contract import Store

log = logging.getLogger("busbar.server.renewal")

RENEW_PATH = "/join/v1/renew"
OPERATOR = "operator"
LOOK_SECONDS = 12 * 3600.0
"""How often the server looks at its own certificates."""
OPERATOR_LEFT = timedelta(days=120)
"""The operator's certificate is issued anew when less than this is left of it."""


class RenewalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a node sends: a request for a certificate of a key of its own."""

    csr: Annotated[str, msgspec.Meta(max_length=8192)]


class Caller(NamedTuple):
    """Who asks, and by which certificate (DER); None where it was by a token."""

    user: str
    groups: tuple[str, ...]
    certificate: bytes | None


async def renew(
    store: Store, authority: Authority, caller: Caller, request: RenewalRequest, now: Instant
) -> dict[str, str]:
    """Issue a node a new certificate. Raises `RequestRefused`."""
    is_node = caller.user.startswith(NODE_PREFIX) and NODES in caller.groups
    if caller.certificate is None or not is_node:
        raise RequestRefused(403, "only a node renews its certificate, with the one it has")
    name = caller.user.removeprefix(NODE_PREFIX)
    node = await store.get(Key("", "nodes", "", name))
    if node is None:
        said = f"node {name} was removed; join anew with a token of `busbar token`"
        raise RequestRefused(404, said)
    issued = x509.load_der_x509_certificate(caller.certificate).not_valid_before_utc + BACKDATE
    if issued < _second(parse_instant(metadata(node)["creationTimestamp"], "")):
        said = f"this certificate is of an earlier node {name}; join anew under another name"
        raise RequestRefused(403, said)
    try:
        pem = authority.sign_request(request.csr.encode(), caller.user, (NODES,), now)
    except CertificateRequestRefused as refused:
        raise RequestRefused(422, str(refused)) from None
    log.info("node %s has renewed its certificate", name)
    return {"certificate": pem.decode()}


def _second(at: Instant) -> Any:
    return to_datetime(at - at % 1000)


class OwnCertificates:
    """The server's certificate and the operator's kubeconfig: made, and made anew in time."""

    def __init__(self, settings: ServerSettings, authority: Authority) -> None:
        self._settings = settings
        self._authority = authority
        self._loaded = b""

    def server(self, names: Iterable[str], now: Instant) -> tuple[Path, Path]:
        """Give the files of the server's certificate and key, renewed where they must be."""
        return server_certificate(self._settings.pki, self._authority, names, now)

    def reload(
        self, names: Iterable[str], now: Instant, contexts: Iterable[ssl.SSLContext]
    ) -> bool:
        """Renew the server's certificate if need be; new connections get it. Says whether."""
        certificate, key = self.server(names, now)
        content = certificate.read_bytes()
        was, self._loaded = self._loaded, content
        if was in (b"", content):
            return False
        for context in contexts:
            context.load_cert_chain(certificate, key)
        log.info("the server's certificate was renewed")
        return True

    def operator(self, now: Instant) -> bool:
        """Write the operator's kubeconfig where there is none or its certificate is near its end.

        Of a file that was changed by hand only the certificate and its key are replaced, and a
        file that does not hold our certificate is left alone. Says whether it wrote.
        """
        path = self._settings.kubeconfig
        known = _read_kubeconfig(path) if path.exists() else {}
        if known is None or (known and not self._ends_soon(known, now)):
            return False
        issued = self._authority.issue_client(OPERATOR, (OPERATORS,), now)
        server = f"https://127.0.0.1:{self._settings.api_port}"
        cluster = known.get("clusters", [{}])[0].get("cluster", {}) if known else {}
        context = known.get("contexts", [{}])[0].get("context", {}) if known else {}
        write_kubeconfig(
            path,
            cluster.get("server", server),
            self._authority.pem,
            OPERATOR,
            certificate=issued.certificate,
            key=issued.key,
            namespace=context.get("namespace", "default"),
        )
        if known:
            log.info("the operator's certificate in %s was renewed", path)
        return True

    def _ends_soon(self, document: dict[str, Any], now: Instant) -> bool:
        certificate = _own_certificate(document)
        if certificate is None or not self._authority.has_issued(certificate):
            return False
        return certificate.not_valid_after_utc - to_datetime(now) < OPERATOR_LEFT

    async def keep(
        self,
        names: Callable[[], Iterable[str]],
        clock: Callable[[], Instant],
        contexts: Iterable[ssl.SSLContext],
        renewed: Callable[[], None],
    ) -> None:
        """Look now and then, for ever; `renewed` tells who has a context elsewhere."""
        contexts = tuple(contexts)
        while True:
            try:
                if self.reload(names(), clock(), contexts):
                    renewed()
                self.operator(clock())
            except OSError as error:
                log.error("certificates could not be renewed: %s; tried again later", error)
            await asyncio.sleep(LOOK_SECONDS)


def _read_kubeconfig(path: Path) -> dict[str, Any] | None:
    """Read a kubeconfig as we write it, JSON; None for any other."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document else None


def _own_certificate(document: dict[str, Any]) -> x509.Certificate | None:
    """Give the operator's certificate in a kubeconfig of one user; None where there is none."""
    try:
        (user,) = document["users"]
        pem = base64.b64decode(user["user"]["client-certificate-data"], validate=True)
        certificate = x509.load_pem_x509_certificate(pem)
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return certificate if name.value == OPERATOR else None
