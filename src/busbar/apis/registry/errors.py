"""The protocol's error codes that this door uses, each with its status. Next: `app.py`."""

from __future__ import annotations

import json
from enum import StrEnum


class Code(StrEnum):
    """Source: distribution-spec, "Error Codes"."""

    UNAUTHORIZED = "UNAUTHORIZED"
    NAME_INVALID = "NAME_INVALID"
    DIGEST_INVALID = "DIGEST_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    UNSUPPORTED = "UNSUPPORTED"
    RANGE_INVALID = "RANGE_INVALID"

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return _STATUS[self]


_STATUS = {
    Code.UNAUTHORIZED: 401,
    Code.NAME_INVALID: 400,
    Code.DIGEST_INVALID: 400,
    Code.NAME_UNKNOWN: 404,
    Code.MANIFEST_UNKNOWN: 404,
    Code.BLOB_UNKNOWN: 404,
    Code.UNSUPPORTED: 405,
    Code.RANGE_INVALID: 416,
}


class DoorError(Exception):
    """A request that is refused with a code and one sentence."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence

    def body(self) -> bytes:
        """The body clients read."""
        error = {"code": self.code.value, "message": self.sentence}
        return json.dumps({"errors": [error]}).encode()
