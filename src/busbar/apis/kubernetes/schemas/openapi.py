"""The OpenAPI documents: written all at once at first need, kept compressed.

All of them together take some 300 kB so; a client that sends no `Accept-Encoding: gzip` gets
`plain()`. Next: `operations.py` (the paths), then `openapi_v3.py`, `openapi_v2.py`, `gnostic.py`.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from typing import Any, Final, NamedTuple

import orjson

from busbar.apis.kubernetes.schemas import gnostic, openapi_v2, openapi_v3
from busbar.apis.kubernetes.schemas.definitions import load
from busbar.model.resources import RESOURCES

JSON: Final = "application/json"
PROTOBUF_V2: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients ask for. With its `@` it is no media type, so the answer has another name."""
_ANSWERED_V2: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_LEVEL: Final = 6


class Document(NamedTuple):
    """A served document. `gzipped` is the body with Content-Encoding gzip; `etag` is quoted."""

    content_type: str
    etag: str
    gzipped: bytes

    def plain(self) -> bytes:
        """Give the body uncompressed."""
        return gzip.decompress(self.gzipped)

    @property
    def digest(self) -> str:
        """Give the etag without its quotes: what the index puts behind `?hash=`."""
        return self.etag.strip('"')


class _Documents(NamedTuple):
    v3_index: Document
    by_path: dict[str, Document]
    v2: Document
    v2_protobuf: Document


def v3_index() -> Document:
    """Give `/openapi/v3`: path of each group version to its serverRelativeURL with hash."""
    return _documents().v3_index


def v3(path: str) -> Document | None:
    """Give `/openapi/v3/<path>`, path being `api/v1` or `apis/<group>/<version>`."""
    return _documents().by_path.get(path.strip("/"))


def v2(protobuf: bool = False) -> Document:
    """Give `/openapi/v2` as JSON, or as gnostic's Document message."""
    documents = _documents()
    return documents.v2_protobuf if protobuf else documents.v2


@cache
def _documents() -> _Documents:
    definitions = load()
    by_path = {
        path: _json(document) for path, document in openapi_v3.documents(RESOURCES, definitions)
    }
    index = {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.digest}"}
            for path, document in sorted(by_path.items())
        }
    }
    swagger = openapi_v2.document(RESOURCES, definitions)
    protobuf = _document(_ANSWERED_V2, gnostic.encode(swagger))
    return _Documents(_json(index), by_path, _json(swagger), protobuf)


def _json(document: dict[str, Any]) -> Document:
    return _document(JSON, orjson.dumps(document))


def _document(content_type: str, body: bytes) -> Document:
    digest = hashlib.sha256(body).hexdigest().upper()[:32]
    return Document(content_type, f'"{digest}"', gzip.compress(body, _LEVEL, mtime=0))
