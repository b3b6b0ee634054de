"""A kubeconfig, read: which server, which CA, which certificate or token.

Source of the lookup order: --kubeconfig, $KUBECONFIG, the data directory's own, ~/.kube/config.
Format: kubernetes.io, "Organizing Cluster Access Using kubeconfig Files".
Next: `client.py`, which connects with it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from busbar.cli.errors import CliError, Exit

Json = dict[str, Any]
_FILES = ("certificate-authority", "client-certificate", "client-key")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs of the current context."""

    server: str
    host: str
    port: int
    namespace: str
    ca_pem: bytes
    """Empty where the system's certificate authorities are trusted."""
    token: str
    tls: ssl.SSLContext


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


def read(path: Path) -> Credentials:
    """Read the current context of a kubeconfig; every defect is one sentence."""
    cluster, user, context = _entries(path)
    try:
        server = str(cluster["server"])
        parts = urlsplit(server)
        ca_pem = base64.b64decode(cluster.get("certificate-authority-data") or "")
        tls = ssl.create_default_context(cadata=ca_pem.decode() or None)
        if not user.get("token"):
            _load_pair(tls, user)
        return Credentials(
            server,
            parts.hostname or "127.0.0.1",
            parts.port or 443,
            str(context.get("namespace") or "default"),
            ca_pem,
            str(user.get("token") or ""),
            tls,
        )
    except (ssl.SSLError, binascii.Error, KeyError, TypeError, ValueError) as error:
        raise _not_one(path, f"its server, CA or credentials cannot be used: {error}") from None


def _entries(path: Path) -> tuple[Json, Json, Json]:
    """Give cluster, user and context of the current context, with files taken in."""
    config = _parsed(path)
    try:
        current = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], current["cluster"])["cluster"]
        user = _named(config["users"], current["user"])["user"]
        return _inlined(path, cluster), _inlined(path, user), dict(current)
    except (KeyError, TypeError, ValueError, StopIteration):
        raise _not_one(path, "it has no usable current context") from None


def _parsed(path: Path) -> Json:
    try:
        text = path.read_text()
    except OSError as error:
        raise CliError(
            f"{path} cannot be read ({error.strerror}); name a kubeconfig with --kubeconfig",
            Exit.NOT_RUNNING,
        ) from None
    except UnicodeDecodeError:
        raise _not_one(path, "it is not text") from None
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(path, text)
    return found if isinstance(found, dict) else {}


def _yaml(path: Path, text: str) -> Any:
    import yaml  # A kubeconfig that Busbar did not write; costly to import, so only then.

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise _not_one(path, "it is not YAML") from None


def _named(entries: list[Json], name: str) -> Json:
    return next(entry for entry in entries if entry["name"] == name)


def _inlined(path: Path, entry: Json) -> Json:
    """Replace fields that name a file, relative to the kubeconfig, by the file's content."""
    result = dict(entry)
    for field in _FILES:
        if field in entry:
            file = path.parent / entry[field]
            try:
                result[f"{field}-data"] = base64.b64encode(file.read_bytes()).decode()
            except OSError as error:
                why = f"{field} {file} cannot be read ({error.strerror})"
                raise _not_one(path, why) from None
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


def _not_one(path: Path, why: str) -> CliError:
    return CliError(
        f"{path} is not a kubeconfig to connect with: {why}; name another with --kubeconfig",
        Exit.USAGE,
    )
