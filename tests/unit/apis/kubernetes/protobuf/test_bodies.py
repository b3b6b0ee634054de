"""Protobuf bodies as kubectl 1.32 sends them, and bytes that nobody should send."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from busbar.apis.kubernetes.protobuf import Malformed, decode, wire

NAMESPACE = "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhsKEwoDeHl6EgAaACIAKgAyADgAQgASABoCCgAaACIA"
CONFIG_MAP = "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEhsKEQoBYxIAGgAiACoAMgA4AEIAEgYKAWESAWIaACIA"
SECRET = (
    "azhzAAoMCgJ2MRIGU2VjcmV0Ei0KEQoBcxIAGgAiACoAMgA4AEIAEgkKBWVtcHR5EgASCwoEdXNlchIDYWRhGgAaACIA"
)
ACCOUNT = "azhzAAoUCgJ2MRIOU2VydmljZUFjY291bnQSFwoVCgVyb2JvdBIAGgAiACoAMgA4AEIAGgAiAA=="
TOKEN = (
    "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIhChAKABIAGgAiACoAMgA4AEIA"
    "EgcKAnMzINgEGgQKABIAGgAiAA=="
)
WHO_AM_I = (
    "azhzAAotChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESEVNlbGZTdWJqZWN0UmV2aWV3EhoKEAoAEgAaACIAKgAy"
    "ADgAQgASBgoECgASABoAIgA="
)
CAN_I = (
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSOwoQCgASABoA"
    "IgAqADIAOABCABIdChsKA3h5ehIGY3JlYXRlGgAiACoEcG9kczIAOgAaCAgAEgAaACAAGgAiAA=="
)
RULES = (
    "azhzAAoxChdhdXRob3JpemF0aW9uLms4cy5pby92MRIWU2VsZlN1YmplY3RSdWxlc1JldmlldxIfChAKABIAGgAi"
    "ACoAMgA4AEIAEgUKA3h5ehoEGAAiABoAIgA="
)
JOB = (
    "azhzAAoPCghiYXRjaC92MRIDSm9iEowBChUKBWNvdW50EgAaACIAKgAyADgAQgASaTJnChAKABIAGgAiACoAMgA4"
    "AEIAElMSMAoFY291bnQSCWRlYmlhbjoxMhoFc2xlZXAaATEqAEIAagByAIABAIgBAJABAKIBABoFTmV2ZXIyAEIA"
    "SgBSAFgAYABoAIIBAIoBAJoBAMIBABoIIAAoADAAOgAaACIA"
)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    body = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(body)) + body


def body(api_version: str, kind: str, raw: bytes, *more: bytes) -> bytes:
    types = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, types) + field(2, raw) + b"".join(more)


def read(text: str) -> dict[str, Any]:
    decoded = decode(b64decode(text))
    assert not isinstance(decoded, Malformed)
    return decoded


def pod_spec(*fields: bytes) -> dict[str, Any]:
    decoded = decode(body("v1", "Pod", field(2, b"".join(fields))))
    assert not isinstance(decoded, Malformed)
    spec: dict[str, Any] = decoded["spec"]
    return spec


def test_create_namespace() -> None:
    assert read(NAMESPACE) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "xyz"},
        "spec": {},
        "status": {},
    }


def test_create_configmap() -> None:
    assert read(CONFIG_MAP)["data"] == {"a": "b"}


def test_secret_bytes_become_base64_and_empty_values_stay() -> None:
    assert read(SECRET)["data"] == {"empty": "", "user": "YWRh"}


def test_create_serviceaccount() -> None:
    assert read(ACCOUNT) == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "robot"},
    }


def test_create_token() -> None:
    assert read(TOKEN)["spec"] == {"audiences": ["s3"], "expirationSeconds": 600}


def test_auth_whoami() -> None:
    assert read(WHO_AM_I)["kind"] == "SelfSubjectReview"


def test_auth_can_i() -> None:
    attributes = {"namespace": "xyz", "verb": "create", "resource": "pods"}
    assert read(CAN_I)["spec"] == {"resourceAttributes": attributes}


def test_auth_can_i_list() -> None:
    assert read(RULES)["spec"] == {"namespace": "xyz"}


def test_create_job() -> None:
    spec = read(JOB)["spec"]["template"]["spec"]
    assert spec == {
        "containers": [
            {"name": "count", "image": "debian:12", "command": ["sleep", "1"], "resources": {}}
        ],
        "restartPolicy": "Never",
    }


def test_a_zero_that_means_something_is_kept() -> None:
    assert pod_spec(field(4, 0)) == {"terminationGracePeriodSeconds": 0}


def test_a_zero_that_means_not_set_is_dropped() -> None:
    assert pod_spec(field(11, 0), field(3, "")) == {}


def test_negative_numbers() -> None:
    assert pod_spec(field(5, -7)) == {"activeDeadlineSeconds": -7}


def test_times_quantities_and_ports_are_written_as_in_json() -> None:
    requests = field(1, "cpu") + field(2, field(1, "500m"))
    http_get = field(2, field(1, 1) + field(3, "web"))
    probe = field(1, field(2, http_get)) + field(2, 3)
    container = field(1, "c") + field(8, field(2, requests)) + field(10, probe)
    volume = field(1, "v") + field(2, field(2, b""))
    created = field(8, field(1, 1_700_000_000))
    raw = field(1, field(1, "p") + created) + field(2, field(1, volume) + field(2, container))
    decoded = decode(body("v1", "Pod", raw))
    assert not isinstance(decoded, Malformed)
    assert decoded["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert decoded["spec"] == {
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [
            {
                "name": "c",
                "resources": {"requests": {"cpu": "500m"}},
                "livenessProbe": {"httpGet": {"port": "web"}, "initialDelaySeconds": 3},
            }
        ],
    }


def test_lease_times_have_microseconds() -> None:
    spec = field(1, "node-1") + field(2, 10) + field(4, field(1, 1_700_000_000) + field(2, 5_000))
    decoded = decode(body("coordination.k8s.io/v1", "Lease", field(2, spec)))
    assert not isinstance(decoded, Malformed)
    assert decoded["spec"]["renewTime"] == "2023-11-14T22:13:20.000000Z"


def test_delete_options_come_in_any_version() -> None:
    raw = field(1, 0) + field(2, field(1, "some-uid")) + field(4, "Background")
    for version in ("v1", "batch/v1", "busbar.dev/v1alpha1"):
        assert decode(body(version, "DeleteOptions", raw)) == {
            "apiVersion": version,
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": "some-uid"},
            "propagationPolicy": "Background",
        }


def test_packed_and_unpacked_lists_of_numbers_are_the_same() -> None:
    unpacked = pod_spec(field(14, field(4, 5) + field(4, 6)))
    packed = pod_spec(field(14, field(4, varint(5) + varint(6))))
    assert unpacked == packed == {"securityContext": {"supplementalGroups": [5, 6]}}


def test_fields_of_newer_clients_are_passed_over() -> None:
    assert pod_spec(field(9000, "new"), field(3, "Never")) == {"restartPolicy": "Never"}


def test_a_body_may_carry_json_in_the_envelope() -> None:
    raw = b'{"kind":"Offer","metadata":{"name":"a"}}'
    decoded = decode(body("busbar.dev/v1alpha1", "Offer", raw, field(4, "application/json")))
    assert decoded == {"kind": "Offer", "metadata": {"name": "a"}}


def test_a_kind_without_protobuf_is_unsupported() -> None:
    decoded = decode(body("busbar.dev/v1alpha1", "Offer", b""))
    assert isinstance(decoded, Malformed)
    assert decoded.unsupported
    assert "send JSON" in decoded.message


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{}",
        b"k8s\x00\xff",
        b"k8s\x00" + b"\x80" * 12,
        b64decode(JOB)[:-3],
        body("v1", "Pod", field(1, field(1, b"\xff\xfe"))),
        body("v1", "Pod", field(1, 7)),
        body("v1", "Pod", field(2, field(4, "text"))),
        body("v1", "Pod", varint(1 << 3 | 3)),
        body("v1", "Pod", field(1, field(8, field(1, 2**62)))),
        body("v1", "ConfigMap", field(2, 3)),
        body("v1", "Pod", b"", field(3, "gzip")),
        body("v1", "Pod", b"[]", field(4, "application/json")),
        body("v1", "Pod", field(1, field(17, field(7, field(1, b"{"))))),
    ],
)
def test_broken_bytes_are_refused_in_a_sentence(bad: bytes) -> None:
    decoded = decode(bad)
    assert isinstance(decoded, Malformed)
    assert decoded.message
    assert not decoded.unsupported


def test_a_message_in_two_pieces_is_one_message() -> None:
    spec = pod_spec(field(14, field(2, 7)), field(14, field(3, 1)))
    assert spec == {"securityContext": {"runAsUser": 7, "runAsNonRoot": True}}


def test_a_number_has_at_most_ten_bytes() -> None:
    assert wire.varint(b"\xff" * 9 + b"\x01", 0) == (2**64 - 1, 10)
    with pytest.raises(wire.Broken, match="too long"):
        wire.varint(b"\x80" * 10 + b"\x01", 0)
