"""Which request is which operation: one table, from which docs/s3.md is checked too.

An address has a level (service, bucket, object); a subresource in the query (`?acl`) chooses
among a level's operations. Whatever S3 has and this table has not is answered NotImplemented,
never taken for something else. Next: `operations/`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.operations import answers, buckets, deletion, listing, multipart, objects
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.request import Request
from busbar.apis.s3.responses import Response

Handler = Callable[[Call], Awaitable[Response]]

COPY = "x-amz-copy-source"


class Operation(NamedTuple):
    """A row of the table. `sub` is a subresource; `copy` asks for the copy-source header."""

    name: str
    level: str
    method: str
    sub: str
    handler: Handler
    writes: bool = False
    copy: bool = False


OPERATIONS: tuple[Operation, ...] = (
    Operation("ListBuckets", "service", "GET", "", buckets.list_buckets),
    Operation("CreateBucket", "bucket", "PUT", "", buckets.create_bucket, True),
    Operation("HeadBucket", "bucket", "HEAD", "", buckets.head_bucket),
    Operation("DeleteBucket", "bucket", "DELETE", "", buckets.delete_bucket, True),
    Operation("GetBucketLocation", "bucket", "GET", "location", buckets.get_bucket_location),
    Operation("GetBucketVersioning", "bucket", "GET", "versioning", buckets.get_bucket_versioning),
    Operation("GetBucketAcl", "bucket", "GET", "acl", answers.get_acl),
    Operation("PutBucketAcl", "bucket", "PUT", "acl", answers.put_acl, True),
    Operation("ListObjects", "bucket", "GET", "", listing.list_objects),
    Operation("ListObjectsV2", "bucket", "GET", "list-type", listing.list_objects_v2),
    Operation("DeleteObjects", "bucket", "POST", "delete", deletion.delete_objects, True),
    Operation("ListMultipartUploads", "bucket", "GET", "uploads", multipart.list_multipart_uploads),
    Operation("PutObject", "object", "PUT", "", objects.put_object, True),
    Operation("CopyObject", "object", "PUT", "", objects.copy_object, True, True),
    Operation("GetObject", "object", "GET", "", objects.get_object),
    Operation("HeadObject", "object", "HEAD", "", objects.head_object),
    Operation("DeleteObject", "object", "DELETE", "", objects.delete_object, True),
    Operation("GetObjectAcl", "object", "GET", "acl", answers.get_acl),
    Operation("PutObjectAcl", "object", "PUT", "acl", answers.put_acl, True),
    Operation("GetObjectTagging", "object", "GET", "tagging", answers.get_tagging),
    Operation(
        "CreateMultipartUpload",
        "object",
        "POST",
        "uploads",
        multipart.create_multipart_upload,
        True,
    ),
    Operation("UploadPart", "object", "PUT", "uploadId", multipart.upload_part, True),
    Operation(
        "UploadPartCopy", "object", "PUT", "uploadId", multipart.upload_part_copy, True, True
    ),
    Operation(
        "CompleteMultipartUpload",
        "object",
        "POST",
        "uploadId",
        multipart.complete_multipart_upload,
        True,
    ),
    Operation(
        "AbortMultipartUpload",
        "object",
        "DELETE",
        "uploadId",
        multipart.abort_multipart_upload,
        True,
    ),
    Operation("ListParts", "object", "GET", "uploadId", multipart.list_parts),
)

_WORDS = """
    uploadId uploads acl delete list-type location tagging versioning versions versionId
    accelerate analytics append attributes cors encryption intelligent-tiering inventory
    legal-hold lifecycle logging metadataConfiguration metadataTable metrics notification
    object-lock ownershipControls partNumber policy policyStatus publicAccessBlock renameObject
    replication requestPayment restore retention select select-type session torrent website
"""
SUBRESOURCES = tuple(_WORDS.split())
"""What S3 knows behind `?`, the stronger first (`?partNumber&uploadId` is an upload's)."""

_TABLE = {(item.level, item.method, item.sub, item.copy): item for item in OPERATIONS}
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")


def route(request: Request) -> Operation:
    """Give the operation of a request, or refuse it."""
    level = "service" if request.bucket is None else "bucket" if request.key is None else "object"
    sub = _subresource(request)
    copy = request.method == "PUT" and COPY in request.headers
    operation = _TABLE.get((level, request.method, sub, copy))
    if operation is not None:
        return operation
    if request.method not in _METHODS:
        raise S3Error(Code.MethodNotAllowed, f"{request.method} is not a method of this service.")
    what = f"{request.method} of {'an' if level == 'object' else 'a'} {level}"
    raise S3Error(
        Code.NotImplemented, f"{what}{f' with ?{sub}' if sub else ''} is not supported here."
    )


def _subresource(request: Request) -> str:
    query = request.query
    if not query:
        return ""
    version = query.get("versionId")
    for name in SUBRESOURCES:
        if name in query and not (name == "versionId" and version == "null"):
            if name == "versionId":
                raise S3Error(Code.NoSuchVersion, "Buckets are not versioned: leave versionId out.")
            return name
    return ""
