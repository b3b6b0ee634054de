"""Buckets: list, create, head, delete, and what clients ask about them. Next: `objects.py`."""

from __future__ import annotations

import re

from busbar.apis.s3 import xml
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.metadata import check_acl
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.operations.listing import owner_element
from busbar.apis.s3.responses import Response, xml_response

_NAME = re.compile(
    r"\A(?=.{3,63}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z"
)
_ADDRESS = re.compile(r"\A\d+\.\d+\.\d+\.\d+\Z")


async def list_buckets(call: Call) -> Response:
    """ListBuckets: those of the key's namespace."""
    found = await call.door.directory.list(call.namespace)
    buckets = sorted(bucket for bucket in found if call.may_open(bucket.name))
    prefix = call.request.query.get("prefix", "")
    after = call.request.query.get("continuation-token", "")
    limit = call.number("max-buckets", 10_000, 1, 10_000)
    chosen = [item for item in buckets if item.name.startswith(prefix) and item.name > after]
    out = [
        owner_element("Owner", call.namespace),
        xml.element(
            "Buckets",
            *(
                xml.element(
                    "Bucket",
                    xml.text("Name", bucket.name),
                    xml.text("CreationDate", xml.iso_date(bucket.created)),
                )
                for bucket in chosen[:limit]
            ),
        ),
    ]
    if len(chosen) > limit:
        out.append(xml.text("ContinuationToken", chosen[limit - 1].name))
    return xml_response("ListAllMyBucketsResult", out)


async def create_bucket(call: Call) -> Response:
    """CreateBucket. A location may be named; all are here."""
    call.check_manages_buckets()
    name = call.bucket_name
    if not _NAME.match(name) or _ADDRESS.match(name):
        raise S3Error(
            Code.InvalidBucketName,
            "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, begins and "
            "ends with a letter or digit, and is no IP address.",
        )
    check_acl(call.request.header("x-amz-acl", "private"))
    if call.request.header("x-amz-bucket-object-lock-enabled").lower() == "true":
        raise S3Error(Code.NotImplemented, "Object lock is not supported.")
    if call.request.header("content-length", "0") != "0":
        xml.parse(await call.document(), "CreateBucketConfiguration")
    if await call.door.directory.create(call.namespace, name) is None:
        raise S3Error(
            Code.BucketAlreadyOwnedByYou,
            f"The namespace {call.namespace} has a bucket of this name already.",
        )
    return Response(200, [("location", f"/{name}")])


async def head_bucket(call: Call) -> Response:
    """HeadBucket."""
    await call.bucket()
    return Response(200, [("x-amz-bucket-region", call.door.region)])


async def delete_bucket(call: Call) -> Response:
    """DeleteBucket: only an empty one, and nothing slips in meanwhile."""
    call.check_manages_buckets()
    bucket = await call.bucket()
    storage = call.door.storage
    await storage.close_bucket(bucket.uid)
    try:
        await call.door.directory.delete(call.namespace, bucket)
    except BaseException:
        storage.reopen_bucket(bucket.uid)
        raise
    await storage.purge(bucket.uid)  # unfinished uploads
    return Response(204)


async def get_bucket_location(call: Call) -> Response:
    """GetBucketLocation. us-east-1 is written as nothing, as S3 does."""
    await call.bucket()
    region = "" if call.door.region == "us-east-1" else call.door.region
    return xml_response("LocationConstraint", [xml.escaped(region)])


async def get_bucket_versioning(call: Call) -> Response:
    """GetBucketVersioning: never enabled."""
    await call.bucket()
    return xml_response("VersioningConfiguration", [])
