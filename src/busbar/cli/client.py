"""The cloud as a command sees it: the Kubernetes API over TLS, with one sentence per refusal.

Next: `output.py`.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from busbar.cli.credentials import read
from busbar.cli.errors import CliError, Exit

Json = dict[str, Any]
BUSBAR = "/apis/busbar.dev/v1alpha1"
GRACE_SECONDS = 30
"""How much later than asked a bounded answer may end before the cloud counts as gone."""
_CODES = {404: Exit.NOT_FOUND, 503: Exit.NOT_RUNNING}


class Client:
    """A synchronous client for one context of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        credentials = read(kubeconfig)
        self.namespace = credentials.namespace
        self.server = credentials.server
        self.ca_pem = credentials.ca_pem
        self._credentials = credentials
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if credentials.token:
            self._headers["Authorization"] = f"Bearer {credentials.token}"
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, path: str, **query: str) -> Json:
        """GET a document."""
        return self.call("GET", path, query=query)

    def list(self, path: str, **query: str) -> list[Json]:
        """GET a collection's items."""
        return list(self.call("GET", path, query=query).get("items") or [])

    def find(self, path: str) -> Json | None:
        """GET a document, or None where it does not exist."""
        try:
            return self.get(path)
        except CliError as error:
            if error.code is Exit.NOT_FOUND:
                return None
            raise

    def fetch(self, path: str) -> bytes | None:
        """GET bytes that are no document, or None where there are none."""
        status, raw = self._send("GET", path, None, "application/json")
        if status == 404:
            return None
        if status >= 400:
            raise _error(status, _document(raw), raw)
        return raw

    def post(self, path: str, body: Json) -> Json:
        """POST a document."""
        return self.call("POST", path, body)

    def merge(self, path: str, body: Json) -> Json:
        """PATCH by a merge patch."""
        return self.call("PATCH", path, body, kind="application/merge-patch+json")

    def apply(self, path: str, body: Json) -> Json:
        """Apply server-side as field manager `busbar`, taking conflicts over."""
        query = {"fieldManager": "busbar", "force": "true"}
        return self.call("PATCH", path, body, query=query, kind="application/apply-patch+yaml")

    def delete(self, path: str) -> Json:
        """DELETE an object."""
        return self.call("DELETE", path)

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> Json:
        """Do one request. Errors end the command with the server's own sentence."""
        data = None if body is None else json.dumps(body)
        status, raw = self._send(method, _target(path, query or {}), data, kind)
        document = _document(raw)
        if status >= 400:
            raise _error(status, document, raw)
        return document

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        """GET an endless answer, piece by piece, on a connection of its own."""
        bound = query.get("timeoutSeconds")
        connection = self._connect(timeout=int(bound) + GRACE_SECONDS if bound else None)
        try:
            connection.request("GET", _target(path, query), headers=self._headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raw = answer.read()
                raise _error(answer.status, _document(raw), raw)
            while piece := answer.read1(65536):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    def watch(self, path: str, **query: str) -> Iterator[Json]:
        """Watch a collection: events as documents, until the server ends the watch."""
        rest = b""
        for piece in self.stream(path, watch="true", **query):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)

    def _send(self, method: str, target: str, data: str | None, kind: str) -> tuple[int, bytes]:
        headers = {**self._headers, "Content-Type": kind}
        while True:
            kept = self._connection is not None
            connection = self._connection = self._connection or self._connect(timeout=60)
            try:
                connection.request(method, target, data, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._connection = None
                # A kept connection may have been closed by the server meanwhile: once more, on a
                # new one. Not after a timeout: the request may have been done.
                if not kept or isinstance(error, TimeoutError):
                    raise self._unreachable(error) from None

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        known = self._credentials
        return http.client.HTTPSConnection(
            known.host, known.port, timeout=timeout, context=known.tls
        )

    def _unreachable(self, error: Exception) -> CliError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return CliError(
                f"{self.server} is not the cloud of this kubeconfig ({error.verify_message}); "
                "name the right one with --kubeconfig",
                Exit.NOT_RUNNING,
            )
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CliError(
            f"the cloud at {self.server} cannot be reached ({why}); start it with `busbar up`",
            Exit.NOT_RUNNING,
        )


def namespaced(namespace: str, resource: str, name: str = "", *, api: str = BUSBAR) -> str:
    """Give the path of a namespaced collection or object."""
    return clustered(f"namespaces/{quote(namespace, safe='')}/{resource}", name, api=api)


def clustered(resource: str, name: str = "", *, api: str = BUSBAR) -> str:
    """Give the path of a collection or object outside of namespaces."""
    path = f"{api}/{resource}"
    return f"{path}/{quote(name, safe='')}" if name else path


def make_namespace(name: str) -> str:
    """Say how a namespace is made; completes a sentence."""
    return f"make it with `kubectl create namespace {name}`"


def _target(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _document(raw: bytes) -> Json:
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(status: int, document: Json, raw: bytes) -> CliError:
    message = str(document.get("message") or raw[:200].decode(errors="replace") or status)
    details = document.get("details") or {}
    if status == 401:
        message = (
            "the cloud does not know these credentials (withdrawn, or of another cloud); "
            "name another kubeconfig with --kubeconfig"
        )
    elif status == 404 and details.get("kind") == "namespaces":
        message += f"; {make_namespace(str(details.get('name')))}"
    return CliError(message, _CODES.get(status, Exit.REFUSED), status)
