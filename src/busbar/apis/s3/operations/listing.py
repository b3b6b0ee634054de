"""Listing objects, in both versions of the operation. Next: `multipart.py`."""

from __future__ import annotations

import base64
import binascii

from busbar.apis.s3 import xml
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.operations.call import Call, UrlEncoder
from busbar.apis.s3.request import check_key
from busbar.apis.s3.responses import Response, xml_response
from busbar.apis.s3.storage.records import Listing, Stored

KEYS_MAX = 1000


async def list_objects(call: Call) -> Response:
    """ListObjects, version 1: pages by `marker`."""
    query = call.request.query
    bucket, encoder, limit, prefix, delimiter = await _common(call)
    marker = check_key(query.get("marker", ""))
    page = await call.door.storage.list_page(bucket, prefix, delimiter, marker, limit)
    head = [xml.text("Marker", encoder(marker))]
    if page.next is not None and delimiter:
        head.append(xml.text("NextMarker", encoder(page.next)))
    return _answer(call, page, encoder, limit, head, owner=True)


async def list_objects_v2(call: Call) -> Response:
    """ListObjectsV2: pages by an opaque token."""
    query = call.request.query
    if query["list-type"] != "2":
        raise S3Error(Code.InvalidArgument, "list-type can only be 2.")
    bucket, encoder, limit, prefix, delimiter = await _common(call)
    start_after, token = check_key(query.get("start-after", "")), query.get("continuation-token")
    after = start_after if token is None else _from_token(token)
    page = await call.door.storage.list_page(bucket, prefix, delimiter, after, limit)
    head = [xml.text("KeyCount", len(page.objects) + len(page.prefixes))]
    if start_after:
        head.append(xml.text("StartAfter", encoder(start_after)))
    if token is not None:
        head.append(xml.text("ContinuationToken", token))
    if page.next is not None:
        head.append(xml.text("NextContinuationToken", _to_token(page.next)))
    return _answer(call, page, encoder, limit, head, owner=query.get("fetch-owner") == "true")


def _answer(
    call: Call, page: Listing, encoder: UrlEncoder, limit: int, head: list[str], *, owner: bool
) -> Response:
    query = call.request.query
    out = [
        xml.text("Name", call.bucket_name),
        xml.text("Prefix", encoder(query.get("prefix", ""))),
        *head,
        xml.text("MaxKeys", limit),
    ]
    if query.get("delimiter"):
        out.append(xml.text("Delimiter", encoder(query["delimiter"])))
    if encoder.on:
        out.append(xml.text("EncodingType", "url"))
    out.append(xml.boolean("IsTruncated", page.next is not None))
    by = owner_element("Owner", call.namespace) if owner else ""
    out += [_contents(stored, encoder, by) for stored in page.objects]
    out += [common_prefix(encoder(prefix)) for prefix in page.prefixes]
    return xml_response("ListBucketResult", out)


def common_prefix(prefix: str) -> str:
    """Write a common prefix."""
    return xml.element("CommonPrefixes", xml.text("Prefix", prefix))


def owner_element(name: str, namespace: str) -> str:
    """Write an owner: the namespace is both id and name."""
    return xml.element(name, xml.text("ID", namespace), xml.text("DisplayName", namespace))


def _contents(stored: Stored, encoder: UrlEncoder, by: str) -> str:
    return (
        f"<Contents><Key>{xml.escaped(encoder(stored.key))}</Key>"
        f"<LastModified>{xml.iso_date(stored.modified)}</LastModified>"
        f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{stored.size}</Size>{by}"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


async def _common(call: Call) -> tuple[str, UrlEncoder, int, str, str]:
    bucket = await call.bucket()
    limit = call.number("max-keys", KEYS_MAX, 0, KEYS_MAX)
    query = call.request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    return bucket.uid, call.url_encoder(), limit, prefix, delimiter


def _to_token(entry: str) -> str:
    return base64.urlsafe_b64encode(entry.encode()).decode()


def _from_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error(
            Code.InvalidArgument, "continuation-token must be the token of the page before."
        ) from None
