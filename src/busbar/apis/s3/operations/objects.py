"""Objects: put, get, head, delete, copy. Next: `deletion.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from busbar.apis.s3 import xml
from busbar.apis.s3.conditions import check_read, http_date, span, write_condition
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.metadata import (
    check_supported,
    checksum_headers,
    kept_headers,
    overridden,
    without_checksums,
)
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.responses import Response, Stream, xml_response
from busbar.apis.s3.storage.records import Headers, Stored


async def put_object(call: Call) -> Response:
    """PutObject."""
    place = await call.place()
    headers = call.request.headers
    kept, condition = kept_headers(headers), write_condition(headers)
    content, plan = await call.receive()
    checksums = checksum_headers(plan.digests.checksums)
    stored = await call.door.storage.put(place, content, kept + checksums, condition)
    return Response(200, [("etag", f'"{stored.etag}"'), *checksums])


async def get_object(call: Call) -> Response:
    """GetObject."""
    place = await call.place()
    body = call.door.storage.open(place)
    if body is None:
        raise _no_such_key()
    try:
        check_read(call.request.headers, body.stored)
        chosen = span(_range(call, body.stored), body.stored.size)
        headers = object_headers(body.stored, call)
    except BaseException:
        body.close()
        raise
    if chosen.partial:
        last = chosen.start + chosen.length - 1
        headers.append(("content-range", f"bytes {chosen.start}-{last}/{body.stored.size}"))
    status = 206 if chosen.partial else 200
    whole = body.inline()
    if whole is not None:
        body.close()
        return Response(status, headers, whole[chosen.start : chosen.start + chosen.length])
    try:
        pieces = await _begun(body.stream(chosen.start, chosen.length))
    except OSError as failure:
        body.close()
        raise S3Error(
            Code.InternalError, f"The object's file cannot be read: {failure.strerror or failure}."
        ) from failure
    return Response(status, headers, Stream(chosen.length, pieces, body.close))


async def head_object(call: Call) -> Response:
    """HeadObject."""
    stored = call.door.storage.find(await call.place())
    if stored is None:
        raise _no_such_key()
    check_read(call.request.headers, stored)
    chosen = span(_range(call, stored), stored.size)
    headers = object_headers(stored, call)
    if chosen.partial:
        last = chosen.start + chosen.length - 1
        headers.append(("content-range", f"bytes {chosen.start}-{last}/{stored.size}"))
    return Response(
        206 if chosen.partial else 200, headers, Stream(chosen.length, _nothing(), lambda: None)
    )


async def delete_object(call: Call) -> Response:
    """DeleteObject."""
    place = await call.place()
    if_match = write_condition(call.request.headers).if_match
    await call.door.storage.delete(*place, if_match)
    return Response(204)


async def copy_object(call: Call) -> Response:
    """CopyObject: within the namespace, without moving data."""
    request = call.request
    source, target = await call.source(), await call.place()
    replaced = _copy_headers(request.headers)
    if replaced is None and source == target:
        raise S3Error(
            Code.InvalidRequest,
            "A copy onto itself must change something: set x-amz-metadata-directive to REPLACE.",
        )
    stored = await call.door.storage.copy(
        source,
        target,
        lambda found: check_read(request.headers, found, "x-amz-copy-source-"),
        replaced,
        write_condition(request.headers),
    )
    return xml_response("CopyObjectResult", copy_result(stored.etag, stored.modified))


def copy_result(etag: str, modified: int) -> list[str]:
    """Give what a copy answers."""
    return [xml.text("LastModified", xml.iso_date(modified)), xml.text("ETag", f'"{etag}"')]


def object_headers(stored: Stored, call: Call) -> Headers:
    """Give the headers of a GET or HEAD."""
    kept = stored.headers
    whole = "range" not in call.request.headers
    if not (whole and call.request.header("x-amz-checksum-mode").upper() == "ENABLED"):
        kept = without_checksums(kept)
    if any(name.startswith("response-") for name in call.request.query):
        kept = overridden(kept, call.request.query)
    return [
        *kept,
        ("etag", f'"{stored.etag}"'),
        ("last-modified", http_date(stored.modified)),
        ("accept-ranges", "bytes"),
    ]


def _range(call: Call, stored: Stored) -> str | None:
    header = call.request.headers.get("range")
    # If-Range: a resumed download must not be glued to another version.
    unchanged = call.request.headers.get("if-range", "")
    if unchanged and unchanged not in (f'"{stored.etag}"', http_date(stored.modified)):
        return None
    return header


def _copy_headers(headers: Mapping[str, str]) -> Headers | None:
    directive = headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Error(Code.InvalidArgument, "x-amz-metadata-directive must be COPY or REPLACE.")
    if directive == "REPLACE":
        return kept_headers(headers)
    check_supported(headers)
    return None


def _no_such_key() -> S3Error:
    return S3Error(Code.NoSuchKey, "The key does not exist in this bucket.")


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Read the first piece before the answer begins: a lost file is then still a refusal."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_pieces()


async def _nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece
