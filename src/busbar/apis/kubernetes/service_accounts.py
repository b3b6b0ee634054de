"""Tokens of service accounts: signed here for TokenRequest, verified here for requests.

JSON Web Tokens with one fixed header (HS256 over the server's key): a token whose header differs
by a byte is none of ours, so there is no algorithm to confuse. A token dies with its account.
Source: RFC 7519 and the claims of Kubernetes' bound tokens. Next: `door.py`.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import orjson

from busbar.apis.kubernetes.ports import Clock, Identity
from busbar.model.objects import Key, uid_of
from busbar.model.time import Instant
from busbar.model.wellknown import MEMBER_GROUP_PREFIX
from busbar.store.contract import Store

ISSUER = "https://kubernetes.default.svc"
SECONDS_MIN = 600
SECONDS_MAX = 86_400
SECONDS_DEFAULT = 3_600
_PREFIX = "system:serviceaccount:"


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


_HEADER = _b64(orjson.dumps({"alg": "HS256", "typ": "JWT"}))


class Account(NamedTuple):
    """A service account as a token names it."""

    namespace: str
    name: str
    uid: str

    @property
    def user(self) -> str:
        """Give the user name that stands for it."""
        return f"{_PREFIX}{self.namespace}:{self.name}"

    def identity(self) -> Identity:
        """Give who it is: a member of its namespace."""
        groups = (
            "system:serviceaccounts",
            f"system:serviceaccounts:{self.namespace}",
            MEMBER_GROUP_PREFIX + self.namespace,
        )
        return Identity(self.user, groups, self.uid)


class ServiceAccountTokens:
    """Issues and verifies."""

    def __init__(self, key: bytes, store: Store, clock: Clock, audience: str) -> None:
        if len(key) < 32:
            raise ValueError("the key of service account tokens needs at least 32 bytes")
        self._key = key
        self._store = store
        self._clock = clock
        self._audience = audience

    def issue(self, account: Account, audiences: tuple[str, ...], until: Instant) -> str:
        """Sign a token for an account."""
        now = self._clock() // 1000
        claims = {
            "aud": list(audiences) or [self._audience],
            "exp": until // 1000,
            "iat": now,
            "nbf": now,
            "iss": ISSUER,
            "sub": account.user,
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": account.uid},
            },
        }
        signed = f"{_HEADER}.{_b64(orjson.dumps(claims))}"
        return f"{signed}.{_b64(self._sign(signed))}"

    async def verify(self, token: str) -> Identity | None:
        """Give whom a token stands for; None where it is not good (any more)."""
        account = self._read(token)
        if account is None:
            return None
        key = Key("", "serviceaccounts", account.namespace, account.name)
        found = await self._store.get(key)
        return account.identity() if found is not None and uid_of(found) == account.uid else None

    def _sign(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()

    def _read(self, token: str) -> Account | None:
        header, dot, rest = token.partition(".")
        payload, second, signature = rest.partition(".")
        if header != _HEADER or not dot or not second or not token.isascii():
            return None
        expected = _b64(self._sign(f"{header}.{payload}"))
        if not hmac.compare_digest(signature, expected):
            return None
        try:
            claims: dict[str, Any] = orjson.loads(urlsafe_b64decode(payload + "=="))
        except (binascii.Error, ValueError):
            return None
        if claims["exp"] * 1000 <= self._clock() or self._audience not in claims["aud"]:
            return None
        bound = claims["kubernetes.io"]
        named = bound["serviceaccount"]
        return Account(bound["namespace"], named["name"], named["uid"])
