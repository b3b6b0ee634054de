"""Tokens and keys that people and machines hold, kept as Secrets.

Bearer and join tokens are stored as SHA-256 of a 256-bit random secret: who reads the database
cannot use them. S3 access keys stay readable, since SigV4 needs the secret itself.
Next: `joining.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

from busbar.model.objects import Object, name_of, namespace_of
from busbar.model.time import Instant, format_instant, parse_instant
from busbar.model.wellknown import (
    MEMBER_GROUP_PREFIX,
    NAMESPACE_SYSTEM,
    SECRET_JOIN,
    SECRET_S3_KEY,
    SECRET_TOKEN,
)

JOIN_TTL_MAX_SECONDS = 600


class JoinGrant(NamedTuple):
    """What a join token allows: one machine of a vendor, in a region, until a time."""

    id: str
    secret_hash: str
    vendor: str
    region: str
    expires: Instant


class Bearer(NamedTuple):
    """Who holds a bearer token."""

    id: str
    secret_hash: str
    user: str
    groups: tuple[str, ...]
    expires: Instant | None


class AccessKey(NamedTuple):
    """An S3 access key of a namespace."""

    id: str
    secret: str
    namespace: str


def new_join_token(
    fingerprint: str, vendor: str, region: str, at: Instant, ttl_seconds: int
) -> tuple[str, Object]:
    """Make a join token: the string to hand out, and the Secret to store."""
    token_id, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    ttl = min(max(1, ttl_seconds), JOIN_TTL_MAX_SECONDS)
    data = {
        "secretHash": hash_secret(secret),
        "vendor": vendor,
        "region": region,
        "expires": format_instant(at + ttl * 1000),
    }
    return f"{fingerprint}.{token_id}.{secret}", _secret(f"join-{token_id}", SECRET_JOIN, data)


def new_bearer(user: str, groups: tuple[str, ...], expires: Instant | None) -> tuple[str, Object]:
    """Make a bearer token: the string to hand out, and the Secret to store."""
    token_id, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    data = {"secretHash": hash_secret(secret), "user": user, "groups": ",".join(groups)}
    if expires is not None:
        data["expires"] = format_instant(expires)
    return f"busbar.{token_id}.{secret}", _secret(f"token-{token_id}", SECRET_TOKEN, data)


def new_access_key(namespace: str, name: str) -> Object:
    """Make the Secret of a fresh S3 access key of a namespace."""
    data = {
        "accessKeyId": "BB" + secrets.token_hex(9).upper(),
        "secretAccessKey": secrets.token_urlsafe(30),
    }
    return _secret(name, SECRET_S3_KEY, data, namespace)


def member_group(namespace: str) -> str:
    """Name the group of a namespace's members."""
    return MEMBER_GROUP_PREFIX + namespace


def read_join_grant(obj: Object) -> JoinGrant | None:
    """Read a join token's Secret; None for any other."""
    if obj.get("type") != SECRET_JOIN or namespace_of(obj) != NAMESPACE_SYSTEM:
        return None
    data = decode_data(obj)
    return JoinGrant(
        name_of(obj).removeprefix("join-"),
        data.get("secretHash", ""),
        data.get("vendor", ""),
        data.get("region", ""),
        parse_instant(data.get("expires"), "data.expires"),
    )


def read_bearer(obj: Object) -> Bearer | None:
    """Read a bearer token's Secret; None for any other."""
    if obj.get("type") != SECRET_TOKEN or namespace_of(obj) != NAMESPACE_SYSTEM:
        return None
    data = decode_data(obj)
    expires = data.get("expires")
    return Bearer(
        name_of(obj).removeprefix("token-"),
        data.get("secretHash", ""),
        data.get("user", ""),
        tuple(group for group in data.get("groups", "").split(",") if group),
        parse_instant(expires, "data.expires") if expires else None,
    )


def read_access_key(obj: Object) -> AccessKey | None:
    """Read an S3 access key's Secret; None for any other."""
    if obj.get("type") != SECRET_S3_KEY:
        return None
    data = decode_data(obj)
    key_id, secret = data.get("accessKeyId", ""), data.get("secretAccessKey", "")
    return AccessKey(key_id, secret, namespace_of(obj)) if key_id and secret else None


def hash_secret(secret: str) -> str:
    """Hash a high-entropy secret for storing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, secret_hash: str) -> bool:
    """Compare a presented secret in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def decode_data(obj: Object) -> dict[str, str]:
    """Give a Secret's data as text; what is not base64 or UTF-8 is left out."""
    found = {}
    for name, value in (obj.get("data") or {}).items():
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            continue
    return found


def _secret(
    name: str, kind: str, data: dict[str, str], namespace: str = NAMESPACE_SYSTEM
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": kind,
        "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()},
    }
