"""AWS Signature Version 4: who sent this request, and is it what they sent?

Takes both ways of signing, by header and by query (presigned). A signature covers the method, the
path, the query, the named headers and (unless the client says UNSIGNED-PAYLOAD) the body's hash.
Requests older or newer than 15 minutes are refused, which bounds replay; within that window the
same signed request means the same effect. Next: `chunked.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

from busbar.apis.s3.canonical import (
    canonical_headers,
    canonical_path,
    canonical_query,
    canonical_request,
)
from busbar.apis.s3.claims import ALGORITHM, EMPTY_SHA256, Claim, header_claim, query_claim
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.ports import AccessKey, Credentials
from busbar.apis.s3.request import Request
from busbar.model.time import MINUTE, SECOND, Instant

SKEW_MAX = 15 * MINUTE


class Identity(NamedTuple):
    """A proven sender, and what the signature says about the body."""

    key: AccessKey
    payload: str
    """The body's SHA-256 in hex, or one of the words in `body.py` (UNSIGNED-PAYLOAD, ...)."""
    chunks: ChunkSigner


class ChunkSigner:
    """Checks the chain of chunk signatures that begins with the request's own signature."""

    def __init__(self, key: bytes, claim: Claim) -> None:
        self._key = key
        self._scope = f"{claim.date}\n{claim.scope}"
        self._previous = claim.signature

    def check_chunk(self, sha256: str, signature: str) -> None:
        """Refuse a chunk that is altered, reordered or out of another request."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_SHA256}\n{sha256}", signature)

    def check_trailer(self, sha256: str, signature: str) -> None:
        """Refuse an altered trailer."""
        self._check("AWS4-HMAC-SHA256-TRAILER", sha256, signature)

    def _check(self, kind: str, content: str, signature: str) -> None:
        expected = _sign(self._key, f"{kind}\n{self._scope}\n{self._previous}\n{content}")
        if not _equal(expected, signature):
            raise S3Error(
                Code.SignatureDoesNotMatch, "The signature of a chunk does not fit its content."
            )
        self._previous = expected


def authenticate(request: Request, credentials: Credentials, now: Instant) -> Identity:
    """Give the sender of a request, or refuse it with the reason."""
    presigned = "X-Amz-Algorithm" in request.query
    claim = query_claim(request) if presigned else header_claim(request)
    key = credentials.lookup(claim.access_key_id)
    if key is None:
        raise S3Error(
            Code.InvalidAccessKeyId, "The access key id is not known here; check the credentials."
        )
    _check_time(claim, now)
    _check_signed_headers(request, claim)
    signing_key = _signing_key(key.secret, claim.scope)
    if not any(
        _equal(_signature(request, claim, path, signing_key), claim.signature)
        for path in _paths(request.raw_path)
    ):
        raise S3Error(
            Code.SignatureDoesNotMatch,
            "The signature does not fit the request; check the secret access key and that nothing "
            "on the way alters method, path, query or headers.",
        )
    return Identity(key, claim.payload, ChunkSigner(signing_key, claim))


def _paths(raw_path: str) -> tuple[str, ...]:
    # Some clients sign what they send (`%2F` kept); both name the same bytes on the wire.
    canonical = canonical_path(raw_path)
    return (canonical,) if canonical == raw_path else (canonical, raw_path)


def _signature(request: Request, claim: Claim, path: str, signing_key: bytes) -> str:
    canonical = canonical_request(
        request.method,
        path,
        canonical_query(request.pairs),
        canonical_headers(request.headers, claim.signed_headers),
        ";".join(claim.signed_headers),
        claim.payload,
    )
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    return _sign(signing_key, f"{ALGORITHM}\n{claim.date}\n{claim.scope}\n{hashed}")


def _check_time(claim: Claim, now: Instant) -> None:
    if claim.expires is None:
        if abs(now - claim.at) > SKEW_MAX:
            raise S3Error(
                Code.RequestTimeTooSkewed,
                "The request's time differs by more than 15 minutes from the server's; "
                "set the clock.",
            )
    elif now > claim.at + claim.expires * SECOND:
        raise S3Error(Code.AccessDenied, "Request has expired; ask for a new presigned URL.")
    elif claim.at > now + SKEW_MAX:
        raise S3Error(Code.AccessDenied, "Request is not yet valid; set the clock.")


def _check_signed_headers(request: Request, claim: Claim) -> None:
    signed = set(claim.signed_headers)
    missing = [name for name in claim.signed_headers if name not in request.headers]
    if "host" not in signed or missing:
        raise S3Error(
            Code.SignatureDoesNotMatch,
            "SignedHeaders must contain host and may only name headers that were sent.",
        )
    unsigned = [
        name for name in request.headers if name.startswith("x-amz-") and name not in signed
    ]
    if unsigned:
        raise S3Error(
            Code.AccessDenied, f"There were headers present that were not signed: {unsigned[0]}."
        )


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=1024)
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
