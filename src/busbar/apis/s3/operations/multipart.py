"""Multipart uploads: create, upload and copy parts, complete, abort, list. Next: `answers.py`."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

from busbar.apis.s3 import xml
from busbar.apis.s3.checksums import ALGORITHMS, PREFIX
from busbar.apis.s3.conditions import check_read, copy_span, write_condition
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.metadata import kept_headers
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.operations.objects import copy_result
from busbar.apis.s3.responses import Response, xml_response
from busbar.apis.s3.storage.body import Body
from busbar.apis.s3.storage.records import Upload
from busbar.apis.s3.storage.store import Place
from busbar.apis.s3.storage.uploads import Wanted

PART_NUMBER_MAX = 10_000


async def create_multipart_upload(call: Call) -> Response:
    """CreateMultipartUpload."""
    place = await call.place()
    kept = kept_headers(call.request.headers)
    upload = Upload(uuid.uuid4().hex, place.bucket, place.key, call.door.clock(), kept)
    await call.door.storage.create_upload(upload)
    return xml_response(
        "InitiateMultipartUploadResult",
        [
            xml.text("Bucket", call.bucket_name),
            xml.text("Key", place.key),
            xml.text("UploadId", upload.id),
        ],
    )


async def upload_part(call: Call) -> Response:
    """UploadPart."""
    upload, number = await _upload(call), _part_number(call)
    content, plan = await call.receive()
    checksums = {name: value for name, value in plan.digests.checksums.items() if value}
    part = await call.door.storage.put_part(upload, number, content, checksums)
    answer = [(PREFIX + name, value) for name, value in checksums.items()]
    return Response(200, [("etag", f'"{part.etag}"'), *answer])


async def upload_part_copy(call: Call) -> Response:
    """UploadPartCopy: the part shares the source's data."""
    upload, number = await _upload(call), _part_number(call)
    source = await call.source()
    body = call.door.storage.open(source)
    if body is None:
        raise S3Error(Code.NoSuchKey, "The copy source does not exist.")
    try:
        check_read(call.request.headers, body.stored, "x-amz-copy-source-")
        start, length = 0, body.stored.size
        wanted = call.request.header("x-amz-copy-source-range")
        if wanted:
            start, length, _ = copy_span(wanted, length)
        etag = await _part_etag(body, start, length)
        pieces = body.slice(start, length)
        part = await call.door.storage.put_part_copy(upload, number, source, body, etag, pieces)
    finally:
        body.close()
    return xml_response("CopyPartResult", copy_result(part.etag, part.modified))


async def complete_multipart_upload(call: Call) -> Response:
    """CompleteMultipartUpload."""
    upload = await _upload(call)
    condition = write_condition(call.request.headers)
    # Checksum headers are those of the object here, not of the document.
    headers = call.request.headers
    whole = {name: headers[PREFIX + name] for name in ALGORITHMS if PREFIX + name in headers}
    document = await call.document(checksums=False)
    wanted = _wanted(xml.parse(document, "CompleteMultipartUpload"))
    full = {name: value for name, value in whole.items() if "-" not in value}
    stored = await call.door.storage.complete(upload, wanted, full, condition)
    return xml_response(
        "CompleteMultipartUploadResult",
        [
            xml.text("Location", f"/{call.bucket_name}/{upload.key}"),
            xml.text("Bucket", call.bucket_name),
            xml.text("Key", upload.key),
            xml.text("ETag", f'"{stored.etag}"'),
        ],
    )


async def abort_multipart_upload(call: Call) -> Response:
    """AbortMultipartUpload."""
    await call.door.storage.abort(await _upload(call))
    return Response(204)


async def list_parts(call: Call) -> Response:
    """ListParts."""
    upload = await _upload(call)
    limit = call.number("max-parts", 1000, 0, 1000)
    after = call.number("part-number-marker", 0, 0, PART_NUMBER_MAX)
    parts = call.door.storage.parts(upload, after, limit + 1)
    out = [
        xml.text("Bucket", call.bucket_name),
        xml.text("Key", call.url_encoder()(upload.key)),
        xml.text("UploadId", upload.id),
        xml.text("StorageClass", "STANDARD"),
        xml.text("PartNumberMarker", after),
        xml.text("MaxParts", limit),
        xml.boolean("IsTruncated", len(parts) > limit > 0),
    ]
    if len(parts) > limit > 0:
        out.append(xml.text("NextPartNumberMarker", parts[limit - 1].number))
    for part in parts[:limit]:
        out.append(
            xml.element(
                "Part",
                xml.text("PartNumber", part.number),
                xml.text("LastModified", xml.iso_date(part.modified)),
                xml.text("ETag", f'"{part.etag}"'),
                xml.text("Size", part.size),
            )
        )
    return xml_response("ListPartsResult", out)


async def list_multipart_uploads(call: Call) -> Response:
    """ListMultipartUploads. A delimiter is not taken."""
    bucket, query, encoder = await call.bucket(), call.request.query, call.url_encoder()
    if query.get("delimiter"):
        raise S3Error(Code.NotImplemented, "Uploads are listed without a delimiter.")
    limit = call.number("max-uploads", 1000, 1, 1000)
    prefix, key_marker = query.get("prefix", ""), query.get("key-marker", "")
    # Without an upload's id the marker means: after all uploads of that key.
    id_marker = query.get("upload-id-marker", "") if key_marker else ""
    after = (key_marker, id_marker or ("\U0010ffff" if key_marker else ""))
    found = await call.door.storage.list_uploads(bucket.uid, prefix, after, limit + 1)
    out = [
        xml.text("Bucket", call.bucket_name),
        xml.text("KeyMarker", encoder(key_marker)),
        xml.text("UploadIdMarker", id_marker),
        xml.text("Prefix", encoder(prefix)),
        xml.text("MaxUploads", limit),
        xml.boolean("IsTruncated", len(found) > limit),
    ]
    if encoder.on:
        out.append(xml.text("EncodingType", "url"))
    if len(found) > limit:
        out.append(xml.text("NextKeyMarker", encoder(found[limit - 1].key)))
        out.append(xml.text("NextUploadIdMarker", found[limit - 1].id))
    for upload in found[:limit]:
        out.append(
            xml.element(
                "Upload",
                xml.text("Key", encoder(upload.key)),
                xml.text("UploadId", upload.id),
                xml.text("StorageClass", "STANDARD"),
                xml.text("Initiated", xml.iso_date(upload.started)),
            )
        )
    return xml_response("ListMultipartUploadsResult", out)


async def _upload(call: Call) -> Upload:
    place: Place = await call.place()
    return call.door.storage.find_upload(place, call.request.query["uploadId"])


def _part_number(call: Call) -> int:
    number = call.number("partNumber", 0, 1, PART_NUMBER_MAX + 1)
    if not 1 <= number <= PART_NUMBER_MAX:
        raise S3Error(Code.InvalidArgument, f"partNumber must lie between 1 and {PART_NUMBER_MAX}.")
    return number


async def _part_etag(body: Body, start: int, length: int) -> str:
    if length == body.stored.size and "-" not in body.stored.etag:
        return body.stored.etag
    digest = hashlib.md5(usedforsecurity=False)
    async for piece in body.stream(start, length):
        await asyncio.to_thread(digest.update, piece)
    return digest.hexdigest()


def _wanted(node: xml.Node) -> list[Wanted]:
    wanted = []
    for item in node.all("Part"):
        number, etag = item.get("PartNumber") or "", item.get("ETag") or ""
        if not number.isascii() or not number.isdigit() or len(number) > 5 or not etag:
            raise xml.malformed("each Part needs PartNumber and ETag")
        checksums = {
            name: value
            for name in ALGORITHMS
            if (value := item.get(f"Checksum{name.upper()}")) is not None
        }
        wanted.append((int(number), etag.strip().strip('"'), checksums))
    if not 1 <= len(wanted) <= PART_NUMBER_MAX:
        raise xml.malformed(f"it must name 1 to {PART_NUMBER_MAX} parts")
    return wanted
