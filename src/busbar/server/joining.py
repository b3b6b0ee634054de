"""How a machine is let in: a single-use token and a signing request become a node.

The token is spent, the Node made, in one transaction: a second use of it finds nothing. What the
machine says of itself is its size and its measured speed; vendor and region come from the token.
Next: `renewal.py`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from busbar.model.dtu import RATING_RANGE
from busbar.model.objects import Key, Object
from busbar.model.requests import EPHEMERAL_STORAGE
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import (
    ANN_JOINED_RATING,
    ANN_RATED_AT,
    ANN_RATING,
    API_VERSION,
    GROUP,
    LABEL_HOSTNAME,
    LABEL_REGION,
    LABEL_VENDOR,
    NAMESPACE_SYSTEM,
    NODE_PREFIX,
    NODES,
)
from busbar.server.identities import JoinGrant, matches, read_join_grant
from busbar.server.pki import Authority, CertificateRequestRefused
from busbar.server.renewal import RENEW_PATH
from busbar.server.replies import Send, reply
from busbar.server.requests import Receive, RequestRefused, answer, read_document
from busbar.store.contract import ABSENT, ANY, Committed, Delete, Put, Refused, Store, Transaction

_NAME = re.compile(r"\A[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?\Z")


class JoinRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a machine sends."""

    token: Annotated[str, msgspec.Meta(max_length=200)]
    csr: Annotated[str, msgspec.Meta(max_length=8192)]
    name: Annotated[str, msgspec.Meta(max_length=63)]
    cpu_milli: Annotated[int, msgspec.Meta(ge=100, le=4_096_000)]
    memory_bytes: Annotated[int, msgspec.Meta(ge=64 << 20, le=1 << 50)]
    rating_micro: int
    ephemeral_bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 54)] = 0
    """None of agents from before it was sold."""
    pods: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 110
    os_image: Annotated[str, msgspec.Meta(max_length=200)] = ""
    kernel: Annotated[str, msgspec.Meta(max_length=200)] = ""
    architecture: Annotated[str, msgspec.Meta(max_length=32)] = "amd64"
    address: Annotated[str, msgspec.Meta(max_length=64)] = ""
    runtime: Annotated[str, msgspec.Meta(max_length=64)] = ""
    agent_version: Annotated[str, msgspec.Meta(max_length=64)] = ""


class JoinRefused(RequestRefused):
    """A machine that is not let in."""


class Joining:
    """Lets machines in. `endpoints` gives (API server URL, S3 URL) for a caller's Host header."""

    def __init__(
        self,
        store: Store,
        authority: Authority,
        clock: Callable[[], Instant],
        new_uid: Callable[[], str],
        endpoints: Callable[[str], tuple[str, str]],
    ) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock
        self._new_uid = new_uid
        self._endpoints = endpoints
        self.ca = authority.pem

    async def join(self, request: JoinRequest, host: str) -> dict[str, Any]:
        """Spend the token, make the Node, give the certificate."""
        key, revision, grant = await self._grant(request.token)
        node = self._checked_node(request, grant)
        try:
            certificate = self._authority.sign_request(
                request.csr.encode(), NODE_PREFIX + request.name, (NODES,), self._clock()
            )
        except CertificateRequestRefused as refused:
            raise JoinRefused(422, str(refused)) from None
        vendor_key = Key(GROUP, "vendors", "", grant.vendor)
        ops: list[Any] = [
            Delete(key, revision),
            Put(Key("", "nodes", "", request.name), node, ABSENT),
        ]
        if await self._store.get(vendor_key) is None:
            ops.append(Put(vendor_key, self._vendor(grant.vendor), ANY))
        outcome = await self._store.commit(Transaction(tuple(ops)))
        if isinstance(outcome, Refused):
            raise self._conflict(outcome, request.name)
        assert isinstance(outcome, Committed)
        server, s3_endpoint = self._endpoints(host)
        return {
            "node": request.name,
            "vendor": grant.vendor,
            "region": grant.region,
            "certificate": certificate.decode(),
            "ca": self._authority.pem.decode(),
            "server": server,
            "s3Endpoint": s3_endpoint,
        }

    async def _grant(self, token: str) -> tuple[Key, int, JoinGrant]:
        """Find what a token allows. One answer for unknown, spent and wrong: it tells nothing."""
        refused = JoinRefused(
            401, "token: is unknown, already used or expired; make a new one with `busbar token`"
        )
        parts = token.split(".")
        if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{10}", parts[1]):
            raise refused
        key = Key("", "secrets", NAMESPACE_SYSTEM, f"join-{parts[1]}")
        secret = await self._store.get(key)
        grant = read_join_grant(secret) if secret else None
        if secret is None or grant is None or not matches(parts[2], grant.secret_hash):
            raise refused
        if grant.expires <= self._clock():
            raise refused
        return key, int(secret["metadata"]["resourceVersion"]), grant

    def _checked_node(self, request: JoinRequest, grant: JoinGrant) -> Object:
        if not _NAME.match(request.name):
            raise JoinRefused(
                422, f"name: {request.name!r} is not a host name; use a-z, 0-9, '-' and '.'"
            )
        low, high = RATING_RANGE
        if not low <= request.rating_micro <= high:
            raise JoinRefused(
                422, f"ratingMicro: {request.rating_micro} is not between {low} and {high}"
            )
        return self._node(request, grant)

    def _node(self, request: JoinRequest, grant: JoinGrant) -> Object:
        now = format_instant(self._clock())
        size = {
            "cpu": f"{request.cpu_milli}m",
            "memory": str(request.memory_bytes),
            "pods": str(request.pods),
            EPHEMERAL_STORAGE: str(request.ephemeral_bytes),
        }
        addresses = [{"type": "Hostname", "address": request.name}]
        if request.address:
            addresses.insert(0, {"type": "InternalIP", "address": request.address})
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": request.name,
                "uid": self._new_uid(),
                "creationTimestamp": now,
                "labels": {
                    LABEL_HOSTNAME: request.name,
                    LABEL_REGION: grant.region,
                    LABEL_VENDOR: grant.vendor,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": request.architecture,
                },
                "annotations": {
                    ANN_RATING: str(request.rating_micro),
                    ANN_JOINED_RATING: str(request.rating_micro),
                    ANN_RATED_AT: now,
                },
            },
            "spec": {},
            "status": {
                "capacity": size,
                "allocatable": size,
                "addresses": addresses,
                "conditions": [],
                "nodeInfo": {
                    "architecture": request.architecture,
                    "operatingSystem": "linux",
                    "osImage": request.os_image,
                    "kernelVersion": request.kernel,
                    "containerRuntimeVersion": request.runtime,
                    "kubeletVersion": request.agent_version,
                    "kubeProxyVersion": "",
                    "machineID": "",
                    "systemUUID": "",
                    "bootID": "",
                },
            },
        }

    def _vendor(self, name: str) -> Object:
        return {
            "apiVersion": API_VERSION,
            "kind": "Vendor",
            "metadata": {
                "name": name,
                "uid": self._new_uid(),
                "creationTimestamp": format_instant(self._clock()),
                "generation": 1,
            },
            "spec": {"displayName": name},
        }

    @staticmethod
    def _conflict(outcome: Refused, name: str) -> JoinRefused:
        if outcome.key is not None and outcome.key.resource == "nodes":
            return JoinRefused(
                409,
                f"name: a node {name} exists already; choose another with --name, "
                f"or remove it first with `kubectl delete node {name}`",
            )
        return JoinRefused(
            401, "token: is unknown, already used or expired; make a new one with `busbar token`"
        )


Work = Callable[[dict[str, Any], Receive], Awaitable[Any]]


def create_app(
    joining: Joining, renewing: Work
) -> Callable[[dict[str, Any], Receive, Send], Awaitable[None]]:
    """Give the ASGI application behind /join/v1, /join/v1/renew and GET /join/v1/ca."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and scope["path"] == "/join/v1/ca":
            # Public: a joining machine compares its fingerprint with the one in the token.
            await reply(send, 200, joining.ca, b"application/x-pem-file")
            return
        work = renewing if scope["path"] == RENEW_PATH else _join
        await answer(send, _posted(work, scope, receive))

    async def _posted(work: Work, scope: dict[str, Any], receive: Receive) -> Any:
        if scope["method"] != "POST":
            raise JoinRefused(405, "join and renew with POST")
        return await work(scope, receive)

    async def _join(scope: dict[str, Any], receive: Receive) -> dict[str, Any]:
        request = await read_document(receive, JoinRequest, "the join request")
        return await joining.join(request, _host(scope))

    return app


def _host(scope: dict[str, Any]) -> str:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"host":
            return value.decode("latin-1").rsplit(":", 1)[0].strip("[]")
    return ""
