"""No input gives a traceback: each gets its own sentence, in a Status."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from busbar.apis.kubernetes.settings import Settings

CMS = "/api/v1/namespaces/alpha/configmaps"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": 1e400}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b'{"metadata": {"name": "a"}, "metadata": {"name": "b"}}', "'metadata' twice"),
        (b'{"metadata":{"name":"a","name":"b"}}', "'name' twice"),
        (b'{"data":' + b'{"a":' * 200 + b"1" + b"}" * 201, "nests deeper"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "JSON object"),
        (b'"text"', "JSON object"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b'{"metadata": [], "kind": "ConfigMap"}', "metadata"),
        (b'{"kind": 5}', "kind"),
        (b'{"apiVersion": {"a": 1}}', "API version"),
    ],
)
def test_a_body_that_is_not_clean_is_refused(operator: Any, body: bytes, says: str) -> None:
    reply = operator.request("POST", CMS, body)
    assert reply.status in (400, 422), reply.body
    assert says in reply.json["message"]
    assert reply.json["kind"] == "Status"


def test_a_body_larger_than_the_limit_is_not_read(operator: Any) -> None:
    reply = operator.request("POST", CMS, b"x" * (Settings().body_bytes_max + 1))
    assert (reply.status, reply.json["reason"]) == (413, "RequestEntityTooLarge")
    assert reply.headers["connection"] == "close"


def test_a_body_that_does_not_arrive_is_not_waited_for(cloud: Any, operator: Any) -> None:
    quick = cloud.app.door.settings._replace(body_seconds_max=0)
    object.__setattr__(cloud.app.door, "settings", quick)
    connection, task = operator.open("POST", CMS, b"")
    connection.inbox.get_nowait()
    cloud.run(asyncio.wait_for(task, 5))
    assert connection.outbox.get_nowait()["status"] == 408


def test_an_announced_body_that_is_too_large_is_refused_at_once(operator: Any) -> None:
    headers = {"content-length": str(10**10)}
    assert operator.request("POST", CMS, b"{}", headers=headers).status == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/cbor", "a/b/c"])
def test_an_unknown_form_of_body_is_refused(operator: Any, kind: str) -> None:
    headers = {"content-type": kind}
    assert operator.request("POST", CMS, b"{}", headers=headers).status == 415
    assert operator.request("PATCH", f"{CMS}/a", b"{}", headers=headers).status == 415


def test_protobuf_that_is_none_is_refused(operator: Any) -> None:
    headers = {"content-type": "application/vnd.kubernetes.protobuf"}
    reply = operator.request("POST", CMS, b"k8s\x00\xff\xff\xff", headers=headers)
    assert reply.status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v2/pods",
        "/apis/apps/v1/statefulsets",
        "/api/v1/pods/x",
        "/api/v1/namespaces/alpha/pods/x/exec",
        "/api/v1/namespaces/alpha//pods",
        "/api/v1/namespaces/alpha/configmaps/a/status",
        "/apis//v1/x",
        "/" + "a" * 5000,
        "/api/v1/namespaces/alpha/pods/x/y/z",
    ],
)
def test_what_is_not_served_is_not_found(operator: Any, path: str) -> None:
    reply = operator.get(path)
    assert (reply.status, reply.json["reason"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("TRACE", CMS),
        ("PUT", CMS),
        ("POST", f"{CMS}/a"),
        ("POST", "/api"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("DELETE", "/api/v1/namespaces/alpha/pods/x/log"),
    ],
)
def test_what_a_path_does_not_do_is_not_allowed(operator: Any, method: str, path: str) -> None:
    assert operator.request(method, path).status == 405


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "9" * 30},
        {"resourceVersion": "x"},
        {"resourceVersion": "-1"},
        {"resourceVersion": "9" * 40},
        {"resourceVersionMatch": "Maybe"},
        {"resourceVersionMatch": "Exact"},
        {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
        {"watch": "1", "timeoutSeconds": "x"},
        {"watch": "1", "sendInitialEvents": "true"},
        {"watch": "1", "resourceVersionMatch": "Exact"},
        {"labelSelector": "x" * 20_000},
        {"fieldSelector": ",".join(f"metadata.name!={i}" for i in range(100))},
        {"fieldSelector": "metadata.name"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused(operator: Any, query: dict[str, str]) -> None:
    assert operator.get(CMS, **query).status == 400


@pytest.mark.parametrize(
    "options",
    [
        {"gracePeriodSeconds": -1},
        {"gracePeriodSeconds": "soon"},
        {"gracePeriodSeconds": 1e18},
        {"propagationPolicy": "Sideways"},
        {"preconditions": []},
        {"preconditions": {"uid": 5}},
        {"dryRun": ["Some"]},
        {"kind": "Pod"},
        [],
    ],
)
def test_delete_options_that_cannot_be_read_are_refused(operator: Any, options: Any) -> None:
    operator.post(CMS, {"metadata": {"name": "a"}})
    assert operator.delete(f"{CMS}/a", options).status in (400, 422)
    assert operator.get(f"{CMS}/a").status == 200


@pytest.mark.parametrize(
    "name", ["UPPER", "a_b", "a/b", "../x", "a" * 300, "-a", "a\x1b[31m", "<script>", "a b", "é"]
)
def test_a_name_that_is_none_is_refused(operator: Any, name: str) -> None:
    reply = operator.post(CMS, {"metadata": {"name": name}})
    assert reply.status == 422
    assert "metadata.name" in reply.json["message"]


def test_a_dry_run_of_another_kind_is_refused(operator: Any) -> None:
    assert operator.post(CMS, {"metadata": {"name": "a"}}, dryRun="Server").status == 400
    assert operator.get(f"{CMS}/a").status == 404


def test_a_warning_cannot_break_out_of_its_header(operator: Any) -> None:
    body = {"metadata": {"name": "a"}, 'x"\r\nset-cookie: a': 1}
    reply = operator.post(CMS, body)
    assert reply.status == 201
    assert "\n" not in reply.warnings[0]
    assert "set-cookie" not in reply.headers


def test_a_query_of_many_fields_is_refused(operator: Any) -> None:
    assert operator.get(CMS, **{f"x{i}": "1" for i in range(200)}).status == 400


def test_an_unforeseen_failure_tells_nothing_of_itself(cloud: Any, operator: Any) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    cloud.app.door.store.get = broken
    reply = operator.get(f"{CMS}/a")
    assert (reply.status, reply.json["reason"]) == (500, "InternalError")
    assert b"secret" not in reply.body
