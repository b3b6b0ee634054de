"""A cloud of a few lines: what commands ask of it, answered from a dictionary over no network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
BUSBAR = "/apis/busbar.dev/v1alpha1"
COLLECTIONS = frozenset(
    [
        "accounts",
        "advices",
        "attestations",
        "auditors",
        "books",
        "buckets",
        "clearings",
        "contracts",
        "forwardcurves",
        "jobs",
        "nodes",
        "offers",
        "pricehistories",
        "procurements",
        "vendoradvices",
        "vendors",
    ]
)


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class FakeCloud:
    """Objects by path; refusals and watch events as a test sets them."""

    objects: dict[str, Json] = field(default_factory=dict)
    refusals: dict[tuple[str, str], tuple[int, Json]] = field(default_factory=dict)
    events: dict[str, list[list[Json]]] = field(default_factory=dict)
    """Watches of a path, each a list of events; when they are used up, watches end at once."""
    logs: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, Json | None]] = field(default_factory=list)
    payments: dict[str, int] = field(default_factory=dict)
    on_post: Callable[[str, Json], None] = lambda path, body: None
    failure: Exception | None = None
    """What connecting raises."""
    drops: int = 0
    """How many requests on a kept connection find it closed."""

    def add(self, path: str, **fields: Any) -> Json:
        """Put an object at a path; its name and namespace are the path's."""
        parts = path.split("/")
        meta = {"name": parts[-1], "resourceVersion": "1", "creationTimestamp": "2026-01-01"}
        if "namespaces" in parts[:-2]:
            meta["namespace"] = parts[parts.index("namespaces") + 1]
        meta |= fields.pop("metadata", {})
        self.objects[path] = {"metadata": meta, **fields}
        return self.objects[path]

    def refuse(self, method: str, path: str, status: int, message: str) -> None:
        """Answer a request by a refusal."""
        self.refusals[method, path] = (status, {"kind": "Status", "message": message})

    def answer(self, method: str, target: str, raw: str | None) -> tuple[int, bytes]:
        """Answer a request."""
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        body = json.loads(raw) if raw else None
        self.requests.append((method, target, body))
        if (method, path) in self.refusals:
            status, document = self.refusals[method, path]
            return status, json.dumps(document).encode()
        if path in self.logs:
            return 200, self.logs[path]
        if query.get("watch"):
            watches = self.events.get(path) or [[]]
            return 200, b"".join(json.dumps(e).encode() + b"\n" for e in watches.pop(0))
        if method == "GET":
            return self._get(path)
        return self._write(method, path, body or {})

    def _get(self, path: str) -> tuple[int, bytes]:
        if path in self.objects:
            return 200, json.dumps(self.objects[path]).encode()
        prefix, _, last = path.rpartition("/")
        if last not in COLLECTIONS:
            return self._missing(path)
        items = [
            obj
            for key, obj in self.objects.items()
            if key.startswith(f"{prefix}/") and key.split("/")[-2] == last
        ]
        return 200, json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()

    def _write(self, method: str, path: str, body: Json) -> tuple[int, bytes]:
        parts = path.split("/")
        if "namespaces" in parts:
            namespace = parts[parts.index("namespaces") + 1]
            if f"/api/v1/namespaces/{namespace}" not in self.objects:
                return self._missing(f"/api/v1/namespaces/{namespace}")
        if method == "POST":
            if path.startswith("/money/"):
                return self._paid(body)
            path = f"{path}/{body['metadata']['name']}"
            self.add(path, **{k: v for k, v in body.items() if k != "metadata"})
            self.on_post(path, body)
            return 200, json.dumps(body).encode()
        known = self.objects.get(path, {})
        fields = {k: v for k, v in body.items() if k != "metadata"}
        return 200, json.dumps(self.add(path, **{**known, **fields, "metadata": {}})).encode()

    def _paid(self, body: Json) -> tuple[int, bytes]:
        """Take a payment, once per key; an account starts at nothing."""
        if f"/api/v1/namespaces/{body['namespace']}" not in self.objects:
            return self._missing(f"/api/v1/namespaces/{body['namespace']}")
        repeated = body["idempotencyKey"] in self.payments
        self.payments.setdefault(body["idempotencyKey"], int(body["euro"]))
        balance = str(sum(self.payments.values()))
        answer = {**body, "repeated": repeated, "balance": balance, "held": "0"}
        return 200, json.dumps(answer).encode()

    @staticmethod
    def _missing(path: str) -> tuple[int, bytes]:
        kind, name = path.removesuffix("/log").split("/")[-2:]
        document = {
            "message": f'{kind} "{name}" not found',
            "details": {"kind": kind, "name": name},
        }
        return 404, json.dumps(document).encode()


class FakeConnection:
    """Stands where `http.client.HTTPSConnection` stands."""

    cloud: FakeCloud

    def __init__(self, host: str, port: int, **_: object) -> None:
        self._status, self._body = 0, b""
        self._used = False

    def request(self, method: str, target: str, body: Any = None, headers: Any = None) -> None:
        """Ask the fake cloud."""
        if self.cloud.failure is not None:
            raise self.cloud.failure
        if self._used and self.cloud.drops:
            self.cloud.drops -= 1
            raise ConnectionResetError(104, "Connection reset by peer")
        self._used = True
        self._status, self._body = self.cloud.answer(method, target, body)

    def getresponse(self) -> FakeAnswer:
        """Give its answer."""
        return FakeAnswer(self._status, io.BytesIO(self._body))

    def close(self) -> None:
        """Close nothing."""


@dataclass
class FakeAnswer:
    """Stands where `http.client.HTTPResponse` stands."""

    status: int
    body: io.BytesIO

    def read(self) -> bytes:
        """Give the whole body."""
        return self.body.read()

    def read1(self, size: int) -> bytes:
        """Give a piece of the body."""
        return self.body.read(size)
