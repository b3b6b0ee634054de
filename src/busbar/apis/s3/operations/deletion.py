"""Deleting many objects by one request. Next: `listing.py`."""

from __future__ import annotations

from busbar.apis.s3 import xml
from busbar.apis.s3.checksums import announced, content_md5
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.request import check_key
from busbar.apis.s3.responses import Response, xml_response

KEYS_MAX = 1000


async def delete_objects(call: Call) -> Response:
    """DeleteObjects: each key gets its own answer, all good ones go in one transaction."""
    bucket = await call.bucket()
    headers = call.request.headers
    if content_md5(headers) is None and not announced(headers):
        raise S3Error(
            Code.InvalidRequest, "Deleting many objects needs Content-MD5 or a checksum header."
        )
    node = xml.parse(await call.document(), "Delete")
    wanted = node.all("Object")
    if not 1 <= len(wanted) <= KEYS_MAX:
        raise xml.malformed(f"it must name 1 to {KEYS_MAX} objects")
    good: list[str] = []
    answers: list[str] = []
    quiet = node.get("Quiet") == "true"
    for item in wanted:
        key = item.get("Key") or ""
        refusal = _refusal(item, key)
        if refusal is None:
            good.append(key)
            if not quiet:
                answers.append(xml.element("Deleted", xml.text("Key", key)))
        else:
            answers.append(_error(key, refusal))
    if good:
        await call.door.storage.delete_many(bucket.uid, good)
    return xml_response("DeleteResult", answers)


def _refusal(item: xml.Node, key: str) -> S3Error | None:
    if not key:
        return xml.malformed("an object has no key")
    if item.get("VersionId") not in (None, "", "null"):
        return S3Error(Code.NoSuchVersion, "Buckets are not versioned: leave VersionId out.")
    if item.get("ETag") is not None:
        return S3Error(Code.NotImplemented, "Conditions are not supported here; delete it alone.")
    try:
        check_key(key)
    except S3Error as refusal:
        return refusal
    return None


def _error(key: str, refusal: S3Error) -> str:
    return xml.element(
        "Error",
        xml.text("Key", key),
        xml.text("Code", refusal.code.name),
        xml.text("Message", refusal.message),
    )
