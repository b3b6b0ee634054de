"""Refusals as S3 clients know them: a closed list of codes, each with its HTTP status.

Source: the error responses page of the Amazon S3 API reference. Clients act on the code (they
retry SlowDown, they treat NoSuchKey as absence), people read the message. Next: `request.py`.
"""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """Name is the wire's code, value its HTTP status."""

    # not allowed
    AccessDenied = 403
    AuthorizationHeaderMalformed = 400
    AuthorizationQueryParametersError = 400.1
    InvalidAccessKeyId = 403.1
    InvalidToken = 400.2
    RequestTimeTooSkewed = 403.2
    SignatureDoesNotMatch = 403.3
    AccessControlListNotSupported = 400.3
    # not there
    NoSuchBucket = 404
    NoSuchKey = 404.1
    NoSuchUpload = 404.2
    NoSuchVersion = 404.3
    # not now
    BucketAlreadyOwnedByYou = 409
    BucketNotEmpty = 409.1
    PreconditionFailed = 412
    NotModified = 304
    SlowDown = 503
    RequestTimeout = 400.4
    # not like this
    BadDigest = 400.5
    EntityTooLarge = 400.6
    EntityTooSmall = 400.7
    IncompleteBody = 400.8
    InvalidArgument = 400.9
    InvalidBucketName = 400.11
    InvalidDigest = 400.12
    InvalidPart = 400.13
    InvalidPartOrder = 400.14
    InvalidRange = 416
    InvalidRequest = 400.15
    InvalidStorageClass = 400.16
    InvalidURI = 400.17
    KeyTooLongError = 400.18
    MalformedXML = 400.19
    MetadataTooLarge = 400.21
    MethodNotAllowed = 405
    MissingContentLength = 411
    XAmzContentSHA256Mismatch = 400.22
    # not by us
    InsufficientStorage = 507
    InternalError = 500
    NotImplemented = 501

    @property
    def status(self) -> int:
        """Give the HTTP status (the fraction only keeps enum members apart)."""
        return int(self.value)


class S3Error(Exception):
    """A refusal: code, one sentence, and the headers that go with it."""

    def __init__(self, code: Code, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.headers = headers


class CannotOpen(Exception):
    """The data directory cannot be served; the sentence says why and what to do."""


class ClientGone(Exception):
    """The client closed the connection: there is nobody to answer."""
