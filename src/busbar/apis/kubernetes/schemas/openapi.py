"""The OpenAPI documents, written once at first need and kept compressed. Next: `operations.py`."""

from __future__ import annotations

from typing import Final, NamedTuple

JSON: Final = "application/json"
PROTOBUF_V2: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PROTOBUF_V3: Final = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"


class Document(NamedTuple):
    """A served document. `gzipped` is the body with Content-Encoding gzip; `etag` is quoted."""

    content_type: str
    etag: str
    gzipped: bytes

    def plain(self) -> bytes:
        """Give the body uncompressed."""
        raise NotImplementedError


def v3_index() -> Document:
    """Give `/openapi/v3`: path of each group version to its serverRelativeURL with hash."""
    raise NotImplementedError


def v3(path: str) -> Document | None:
    """Give `/openapi/v3/<path>`, path being `api/v1` or `apis/<group>/<version>`."""
    raise NotImplementedError


def v2(protobuf: bool = False) -> Document:
    """Give `/openapi/v2` as JSON, or as gnostic's Document message."""
    raise NotImplementedError
