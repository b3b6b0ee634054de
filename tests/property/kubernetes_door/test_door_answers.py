"""Whatever is sent to the door, by whomever: an answer below 500, a Status for every error, and
nothing of one tenant in the answer to another."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.apis.kubernetes.app import create_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.apis.kubernetes.ports import Identity
from busbar.model.objects import Key
from busbar.model.resources import RESOURCES, REVIEWS
from busbar.store.contract import Put, Transaction
from busbar.store.memory import MemoryStore

NOW = 1_795_000_000_000
CANARY = "canary-of-beta-7f3a"
WHO = {
    "operator": Identity("admin", ("system:masters",)),
    "alice": Identity("alice", ("busbar:namespace:alpha",)),
    "vendor": Identity("vendor:elastx", ("busbar:vendors",)),
    "node": Identity("system:node:n1", ("system:nodes",)),
    "stranger": Identity("stranger"),
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["alpha", "beta", "x", "n1", "elastx", "2030-01-01T00:00:00Z", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "status",
                    "name",
                    "namespace",
                    "labels",
                    "data",
                    "containers",
                    "finalizers",
                    "ownerReferences",
                    "annotations",
                    "template",
                    "vendor",
                    "image",
                    "pricePerDTU",
                    "notAfter",
                    "restrictions",
                    "kind",
                    "apiVersion",
                    "uid",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
names = st.sampled_from(["alpha", "beta", "x", "secret", "n1", "elastx", "account", "default"])
names |= st.text(min_size=1, max_size=8)


@st.composite
def paths(draw: st.DrawFn) -> str:
    resource = draw(st.sampled_from((*RESOURCES, *REVIEWS)))
    base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced and draw(st.booleans()):
        base += f"/namespaces/{draw(names)}"
    base += f"/{resource.plural}"
    if draw(st.booleans()):
        base += f"/{draw(names)}"
        subresources = ["", "", "status", "log", "token", "binding", "exec"]
        sub = draw(st.sampled_from(subresources))
        base += f"/{sub}" if sub else ""
    return base


any_path = paths() | st.text(max_size=30).map(lambda text: "/" + text)
any_path |= st.sampled_from(
    [
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "/agent/v1/nodes/n1/streams/x",
        "/openapi/v3/api/v1",
        "/api",
    ]
)
parameters = st.dictionaries(
    st.sampled_from(
        [
            "limit",
            "continue",
            "labelSelector",
            "fieldSelector",
            "resourceVersion",
            "dryRun",
            "resourceVersionMatch",
            "fieldManager",
            "fieldValidation",
            "force",
            "includeObject",
            "gracePeriodSeconds",
            "propagationPolicy",
            "container",
            "tailLines",
            "sinceTime",
        ]
    ),
    st.text(max_size=10)
    | st.sampled_from(["0", "1", "All", "true", "spec.nodeName=n1", "a in (b)"]),
    max_size=3,
)
content_types = st.sampled_from(
    [
        "application/json",
        "application/json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/json-patch+json",
        "application/apply-patch+yaml",
        "application/vnd.kubernetes.protobuf",
        "text/plain",
    ]
)
accepts = st.sampled_from(
    [
        "",
        "application/json",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "text/html",
    ]
)
bodies = json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)


class World:
    """Two namespaces with a canary in one of them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.store = MemoryStore()

        def new_uid() -> str:
            return str(uuid.uuid4())

        self.app = create_app(
            self.store,
            clock=lambda: NOW,
            new_uid=new_uid,
            tokens=WHO.get,
            service_account_key=b"k" * 32,
        )
        self.loop.run_until_complete(ensure_namespaces(self.store, lambda: NOW, new_uid))
        for name in ("alpha", "beta"):
            self._put("Namespace", Key("", "namespaces", "", name), {})
        self._put("Secret", Key("", "secrets", "beta", "secret"), {"data": {"k": CANARY}})
        self._put("ConfigMap", Key("", "configmaps", "beta", "x"), {"data": {"k": CANARY}})
        spec = {"containers": [{"name": "c", "image": CANARY}], "nodeName": "n2"}
        self._put("Pod", Key("", "pods", "beta", "x"), {"spec": spec})

    def _put(self, kind: str, key: Key, more: dict[str, Any]) -> None:
        meta = {"name": key.name, "uid": f"uid-{key.namespace}-{key.name}"}
        if key.namespace:
            meta["namespace"] = key.namespace
        obj = {"apiVersion": "v1", "kind": kind, "metadata": meta, **more}
        self.store.commit_now(Transaction((Put(key, obj),)))

    def ask(
        self, who: str, method: str, path: str, query: dict[str, str], body: bytes, headers: Any
    ) -> tuple[int, bytes, dict[bytes, bytes]]:
        sent: list[dict[str, Any]] = []
        received = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return received.pop(0) if received else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        lines = [(k.encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": urlencode(query, errors="surrogatepass").encode(),
            "headers": [(b"authorization", f"Bearer {who}".encode()), *lines],
        }
        self.loop.run_until_complete(asyncio.wait_for(self.app(scope, receive, send), 20))
        start = sent[0]
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return start["status"], content, dict(start["headers"])


WORLD = World()


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(WHO)),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "BREW"]),
    any_path,
    parameters,
    bodies,
    content_types,
    accepts,
)
def test_every_request_has_an_answer(
    who: str,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes,
    content_type: str,
    accept: str,
) -> None:
    headers = {"content-type": content_type, "accept": accept}
    status, content, answered = WORLD.ask(who, method, path, query, body, headers)
    assert status < 500, content
    if status >= 400:
        told = json.loads(content)
        assert (told["kind"], told["status"], told["code"]) == ("Status", "Failure", status)
        assert told["message"]
    assert all(b"\r" not in value and b"\n" not in value for value in answered.values())
    if who != "operator":
        assert CANARY.encode() not in content


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHO)),
    st.sampled_from(RESOURCES),
    json_values,
    st.sampled_from(["a", "b"]),
)
def test_what_is_stored_can_be_read_and_stored_again(
    who: str, resource: Any, spec: Any, name: str
) -> None:
    base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced:
        base += "/namespaces/alpha"
    base += f"/{resource.plural}"
    body = json.dumps({"metadata": {"name": name}, "spec": spec}).encode()
    headers = {"content-type": "application/json"}
    status, content, _ = WORLD.ask(who, "POST", base, {}, body, headers)
    assert status in (201, 400, 401, 403, 404, 409, 422), content
    if status == 201:
        again, content, _ = WORLD.ask("operator", "PUT", f"{base}/{name}", {}, content, headers)
        assert again == 200, content
        WORLD.ask("operator", "DELETE", f"{base}/{name}", {}, b"", headers)
