"""What is served beside objects: version, health, OpenAPI, and that there are no CRDs.

Next: `app.py`.
"""

from __future__ import annotations

import platform

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.negotiation import parse_accept
from busbar.apis.kubernetes.schemas import openapi
from busbar.apis.kubernetes.statuses import unavailable
from busbar.store.contract import StoreFailed

OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")
"""Answered to anybody: they tell nothing of what is stored."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
"""Before it creates an object of a kind that cannot be patched (a review), kubectl lists these, and
gives up where it cannot. It is in no discovery: the list is empty and stays so."""
_TEXT = b"text/plain; charset=utf-8"
_V3 = "/openapi/v3"
_V2 = "/openapi/v2"


async def open_document(door: Door, call: Call) -> Response:
    """Answer one of the paths that are open to anybody."""
    if call.path == "/version":
        return Response(_version(door.settings.server_version))
    if call.path == "/readyz":
        try:
            await door.store.revision()
        except StoreFailed as error:
            raise unavailable(f"the store is not ready: {error}") from None
    return Response(b"ok", content_type=_TEXT)


def _version(git_version: str) -> bytes:
    major, minor, _ = git_version.removeprefix("v").split(".", 2)
    return encoding.dumps(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"{git_version}+busbar",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": platform.python_implementation(),
            "platform": f"linux/{_MACHINES.get(platform.machine(), platform.machine())}",
        }
    )


_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def no_crds(call: Call) -> Response | None:
    """Answer the list of CustomResourceDefinitions, of which there are none; None elsewhere."""
    if call.path.rstrip("/") != CRDS or (call.query and call.flag("watch")):
        return None
    kind = {"kind": "CustomResourceDefinitionList", "apiVersion": "apiextensions.k8s.io/v1"}
    return Response(encoding.dumps({**kind, "metadata": {"resourceVersion": "1"}, "items": []}))


def openapi_document(call: Call) -> Response | None:
    """Answer a path of OpenAPI; None where there is no such document."""
    path = call.path.rstrip("/")
    if path == _V3:
        return _write(call, openapi.v3_index())
    if path.startswith(_V3 + "/"):
        document = openapi.v3(path[len(_V3) + 1 :])
        return None if document is None else _write(call, document)
    if path == _V2:
        accepted = parse_accept(call.header(b"accept")[:1024])
        wants_protobuf = any(media.name == openapi.PROTOBUF_V2 for media in accepted)
        wants_json = any(media.name in ("application/json", "*/*") for media in accepted)
        return _write(call, openapi.v2(wants_protobuf and not wants_json))
    return None


def _write(call: Call, document: openapi.Document) -> Response:
    headers = [
        (b"etag", document.etag.encode()),
        (b"vary", b"Accept, Accept-Encoding"),
    ]
    content_type = document.content_type.encode()
    if document.etag in call.header(b"if-none-match"):
        return Response(b"", 304, content_type, tuple(headers))
    if "gzip" in call.header(b"accept-encoding"):
        headers.append((b"content-encoding", b"gzip"))
        return Response(document.gzipped, 200, content_type, tuple(headers))
    return Response(document.plain(), 200, content_type, tuple(headers))
