"""What clients ask about access and tags: the same answer for everything. Next: `routes.py`."""

from __future__ import annotations

from busbar.apis.s3 import xml
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.metadata import check_acl
from busbar.apis.s3.operations.call import Call
from busbar.apis.s3.operations.listing import owner_element
from busbar.apis.s3.responses import Response, xml_response

_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'


async def get_acl(call: Call) -> Response:
    """GetBucketAcl and GetObjectAcl: the namespace has full control, nobody else any."""
    await _check_there(call)
    namespace = xml.escaped(call.namespace)
    grantee = (
        f"<Grantee {_XSI}><ID>{namespace}</ID><DisplayName>{namespace}</DisplayName></Grantee>"
    )
    grant = xml.element("Grant", grantee, xml.text("Permission", "FULL_CONTROL"))
    owner = owner_element("Owner", call.namespace)
    return xml_response("AccessControlPolicy", [owner, xml.element("AccessControlList", grant)])


async def put_acl(call: Call) -> Response:
    """PutBucketAcl and PutObjectAcl: only what is so anyway."""
    await _check_there(call)
    if "x-amz-acl" not in call.request.headers:
        raise S3Error(
            Code.AccessControlListNotSupported,
            "Access is by namespace; share an object by a presigned URL.",
        )
    check_acl(call.request.header("x-amz-acl"))
    return Response(200)


async def get_tagging(call: Call) -> Response:
    """GetObjectTagging: there are no tags."""
    await _check_there(call)
    return xml_response("Tagging", [xml.element("TagSet")])


async def _check_there(call: Call) -> None:
    if call.request.key is None:
        await call.bucket()
    elif call.door.storage.find(await call.place()) is None:
        raise S3Error(Code.NoSuchKey, "The key does not exist in this bucket.")
