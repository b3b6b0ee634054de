"""The headers that are kept with an object, and those that this door must refuse.

A header that asks for something (encryption, another storage class, a public ACL) is refused, not
dropped: whoever asks for encryption must not believe to have got it. Next: `operations/`.
"""

from __future__ import annotations

from collections.abc import Mapping

from busbar.apis.s3.checksums import PREFIX as CHECKSUM
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.records import Headers

USER = "x-amz-meta-"
USER_BYTES_MAX = 2048
DEFAULT_TYPE = "binary/octet-stream"

KEPT = frozenset(("cache-control", "content-disposition", "content-language", "expires"))

OVERRIDES: Mapping[str, str] = {
    "response-content-type": "content-type",
    "response-content-language": "content-language",
    "response-expires": "expires",
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
}

_REFUSED = frozenset(
    (
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-retain-until-date",
        "x-amz-website-redirect-location",
        "x-amz-tagging",
        "x-amz-grant-read",
        "x-amz-grant-write",
        "x-amz-grant-read-acp",
        "x-amz-grant-write-acp",
        "x-amz-grant-full-control",
        "x-amz-write-offset-bytes",
    )
)
_PRIVATE = ("private", "bucket-owner-full-control", "bucket-owner-read")


def kept_headers(headers: Mapping[str, str]) -> Headers:
    """Choose what is stored of the headers of a write; refuse what cannot be given."""
    check_supported(headers)
    kept = [("content-type", headers.get("content-type") or DEFAULT_TYPE)]
    size = 0
    for name, value in headers.items():
        if name in KEPT and value:
            kept.append((name, value))
        elif name.startswith(USER):
            kept.append((name, value))
            size += len(name) - len(USER) + len(value)
    encoding = headers.get("content-encoding")
    if encoding:
        items = [item.strip() for item in encoding.split(",")]
        rest = ",".join(item for item in items if item and item != "aws-chunked")
        if rest:
            kept.append(("content-encoding", rest))
    if size > USER_BYTES_MAX:
        raise S3Error(
            Code.MetadataTooLarge,
            f"The user metadata has {size} bytes; at most {USER_BYTES_MAX} are allowed.",
        )
    return kept


def checksum_headers(checksums: Mapping[str, str | None]) -> Headers:
    """Write verified checksums as headers."""
    return [(CHECKSUM + name, value) for name, value in checksums.items() if value is not None]


def check_supported(headers: Mapping[str, str]) -> None:
    """Refuse headers that ask for what is not given here."""
    for name in headers:
        if name in _REFUSED and headers[name]:
            raise S3Error(Code.NotImplemented, f"The header {name} is not supported; leave it out.")
    check_acl(headers.get("x-amz-acl", "private"))
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise S3Error(Code.InvalidStorageClass, "The only storage class is STANDARD.")


def check_acl(acl: str) -> None:
    """Refuse a canned ACL that would let others in."""
    if acl not in _PRIVATE:
        raise S3Error(
            Code.AccessControlListNotSupported,
            "Objects are private to their namespace; share one by a presigned URL.",
        )


def without_checksums(headers: Headers) -> Headers:
    """Give the headers for clients that did not ask for checksums."""
    return [item for item in headers if not item[0].startswith(CHECKSUM)]


def overridden(headers: Headers, query: Mapping[str, str]) -> Headers:
    """Apply the response-... parameters of a GET."""
    chosen = {OVERRIDES[name]: value for name, value in query.items() if name in OVERRIDES}
    for name, value in chosen.items():
        if not value.isprintable() or not value.isascii():
            raise S3Error(Code.InvalidArgument, f"response-{name} must be printable ASCII.")
    return [item for item in headers if item[0] not in chosen] + list(chosen.items())
