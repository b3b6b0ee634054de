"""What a signed request claims: key, time, scope, signed headers, signature. Nothing proven yet.

Parses the Authorization header and the query of a presigned URL. Next: `sigv4.py`, which proves.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.request import Request
from busbar.model.time import Instant

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256().hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
EXPIRES_MAX_S = 604_800

_DATE = re.compile(r"\A\d{8}T\d{6}Z\Z")
_SIGNATURE = re.compile(r"\A[0-9a-f]{64}\Z")


class Claim(NamedTuple):
    """The parts of a signature. `expires` (seconds) is set in presigned URLs only."""

    access_key_id: str
    scope: str
    """`<day>/<region>/s3/aws4_request`"""
    date: str
    at: Instant
    signed_headers: tuple[str, ...]
    signature: str
    payload: str
    expires: int | None = None


def header_claim(request: Request) -> Claim:
    """Read the Authorization header."""
    authorization = request.header("authorization")
    if not authorization and "AWSAccessKeyId" in request.query:
        raise S3Error(
            Code.InvalidRequest,
            "The URL is presigned by signature version 2; presign it by version 4 "
            "(boto3: Config(signature_version='s3v4')).",
        )
    if not authorization:
        raise S3Error(Code.AccessDenied, "The request is not signed; anonymous access is off.")
    word, _, rest = authorization.partition(" ")
    if word != ALGORITHM:
        raise S3Error(
            Code.InvalidRequest,
            f"The authorization mechanism is not supported; sign with {ALGORITHM}.",
        )
    fields = dict(_field(item) for item in rest.split(","))
    try:
        credential = fields["Credential"]
        signed = fields["SignedHeaders"]
        signature = fields["Signature"]
    except KeyError as missing:
        raise _malformed(f"The Authorization header lacks {missing.args[0]}.") from None
    if request.header("x-amz-security-token"):
        raise S3Error(Code.InvalidToken, "Temporary credentials are not issued here.")
    payload = request.header("x-amz-content-sha256")
    if not payload:
        raise S3Error(Code.InvalidRequest, "The header x-amz-content-sha256 is missing.")
    return _claim(credential, _sent_date(request), signed, signature, payload, None)


def query_claim(request: Request) -> Claim:
    """Read the query of a presigned URL."""
    query = request.query
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise _bad_query(f"X-Amz-Algorithm must be {ALGORITHM}.")
    if "X-Amz-Security-Token" in query:
        raise S3Error(Code.InvalidToken, "Temporary credentials are not issued here.")
    try:
        expires = int(query["X-Amz-Expires"])
        credential, date = query["X-Amz-Credential"], query["X-Amz-Date"]
        signed, signature = query["X-Amz-SignedHeaders"], query["X-Amz-Signature"]
    except (KeyError, ValueError):
        raise _bad_query(
            "A presigned URL needs X-Amz-Credential, X-Amz-Date, X-Amz-Expires, "
            "X-Amz-SignedHeaders and X-Amz-Signature."
        ) from None
    if not 1 <= expires <= EXPIRES_MAX_S:
        raise _bad_query(f"X-Amz-Expires must lie between 1 and {EXPIRES_MAX_S} seconds.")
    payload = request.header("x-amz-content-sha256") or UNSIGNED
    return _claim(credential, date, signed, signature, payload, expires)


def _claim(
    credential: str, date: str, signed: str, signature: str, payload: str, expires: int | None
) -> Claim:
    # The access key id may hold slashes; the scope is always the last four parts.
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[3:] != ["s3", "aws4_request"]:
        raise _malformed("The credential must end in <day>/<region>/s3/aws4_request.")
    if parts[1] != date[:8]:
        raise _malformed("The credential's day must be the day of the request's time.")
    if not _SIGNATURE.match(signature):
        raise _malformed("The signature must be 64 lower-case hex digits.")
    return Claim(
        parts[0],
        "/".join(parts[1:]),
        date,
        instant_of(date),
        tuple(signed.split(";")),
        signature,
        payload,
        expires,
    )


def _sent_date(request: Request) -> str:
    date = request.header("x-amz-date") or request.header("date")
    if _DATE.match(date):
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError):
        raise S3Error(
            Code.AccessDenied, "The request needs the header x-amz-date, as 20270325T082558Z."
        ) from None


@lru_cache(maxsize=64)
def instant_of(date: str) -> Instant:
    """Read the time format of signatures."""
    try:
        return int(datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
    except (ValueError, OverflowError):
        raise _malformed("The request's time must look like 20270325T082558Z.") from None


def _field(item: str) -> tuple[str, str]:
    name, _, value = item.strip().partition("=")
    return name, value


def _malformed(message: str) -> S3Error:
    return S3Error(Code.AuthorizationHeaderMalformed, message)


def _bad_query(message: str) -> S3Error:
    return S3Error(Code.AuthorizationQueryParametersError, message)
