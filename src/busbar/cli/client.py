"""The cloud as a command sees it: the Kubernetes API, found by a kubeconfig.

Source of the lookup order: --kubeconfig, $KUBECONFIG, the data directory's own, ~/.kube/config.
Next: `output.py`.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from busbar.cli.errors import CliError, Exit

Json = dict[str, Any]
BUSBAR = "/apis/busbar.dev/v1alpha1"


class Client:
    """A synchronous client for one context of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        cluster, user, context = _read(kubeconfig)
        self.namespace = str(context.get("namespace") or "default")
        self.server = str(cluster["server"])
        self.ca_pem = base64.b64decode(cluster["certificate-authority-data"])
        self._tls = ssl.create_default_context(cadata=self.ca_pem.decode())
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if user.get("token"):
            self._headers["Authorization"] = f"Bearer {user['token']}"
        else:
            _load_pair(self._tls, user)
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
        answer = self._send(method, path, body, query, kind)
        raw = answer.read()
        document = _document(raw)
        if answer.status >= 400:
            raise _error(answer.status, document, raw)
        return document

    def stream(self, path: str, **query: str) -> Iterator[bytes]:
        """GET an endless answer, piece by piece, on a connection of its own."""
        connection = self._connect(timeout=None)
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

    def _send(
        self, method: str, path: str, body: Json | None, query: dict[str, str] | None, kind: str
    ) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body)
        headers = {**self._headers, "Content-Type": kind}
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = self._connect(timeout=60)
            try:
                self._connection.request(method, _target(path, query or {}), data, headers)
                return self._connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                # A kept connection may have been closed by the server meanwhile: once more.
                self._connection.close()
                self._connection = None
                if attempt == 2 or isinstance(error, ConnectionRefusedError):
                    raise self._unreachable(error) from None
        raise AssertionError("unreachable")

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        parts = urlsplit(self.server)
        host, port = parts.hostname or "127.0.0.1", parts.port or 443
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)

    def _unreachable(self, error: Exception) -> CliError:
        return CliError(
            f"the cloud at {self.server} cannot be reached ({error}); start it with `busbar up`",
            Exit.NOT_RUNNING,
        )


def kubeconfig_path(option: str | None, data: Path) -> Path:
    """Find the kubeconfig to use; says what to do where there is none."""
    if option:
        return Path(option)
    named = os.environ.get("KUBECONFIG")
    home = Path.home() / ".kube" / "config"
    for path in (Path(named) if named else None, data / "kubeconfig", home):
        if path is not None and path.exists():
            return path
    raise CliError(
        f"no cloud is known here: {data / 'kubeconfig'} does not exist; "
        "start one with `busbar up`, or name a kubeconfig with --kubeconfig",
        Exit.NOT_RUNNING,
    )


def namespaced(namespace: str, resource: str, name: str = "", *, api: str = BUSBAR) -> str:
    """Give the path of a namespaced collection or object."""
    path = f"{api}/namespaces/{quote(namespace, safe='')}/{resource}"
    return f"{path}/{quote(name, safe='')}" if name else path


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
    code = {404: Exit.NOT_FOUND, 503: Exit.NOT_RUNNING}.get(status, Exit.REFUSED)
    return CliError(message, code)


def _read(path: Path) -> tuple[Json, Json, Json]:
    """Read cluster, user and context of the current context."""
    try:
        text = path.read_text()
    except OSError as error:
        raise CliError(
            f"{path} cannot be read ({error.strerror}); name a kubeconfig with --kubeconfig",
            Exit.NOT_RUNNING,
        ) from None
    try:
        config = json.loads(text)
    except ValueError:
        config = _yaml(text)
    try:
        current = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], current["cluster"])["cluster"]
        user = _named(config["users"], current["user"])["user"]
    except (KeyError, TypeError, StopIteration):
        raise CliError(f"{path} is not a kubeconfig with a current context", Exit.USAGE) from None
    return _inlined(cluster), _inlined(user), current


def _yaml(text: str) -> Json:
    import yaml  # A kubeconfig that Busbar did not write; costly to import, so only then.

    found = yaml.safe_load(text)
    return found if isinstance(found, dict) else {}


def _named(entries: list[Json], name: str) -> Json:
    return next(entry for entry in entries if entry["name"] == name)


def _inlined(entry: Json) -> Json:
    """Replace fields that name a file by the file's content."""
    result = dict(entry)
    for field in ("certificate-authority", "client-certificate", "client-key"):
        if field in entry:
            result[f"{field}-data"] = base64.b64encode(Path(entry[field]).read_bytes()).decode()
    return result


def _load_pair(context: ssl.SSLContext, user: Json) -> None:
    """Load the client's certificate and key; ssl reads them from a file only."""
    if "client-certificate-data" not in user:
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(user["client-certificate-data"]))
        file.write(b"\n")
        file.write(base64.b64decode(user["client-key-data"]))
        file.flush()
        context.load_cert_chain(file.name)
