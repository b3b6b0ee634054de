"""Manifests: files of Kubernetes objects as YAML or JSON. Next: `jobs.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from busbar.cli.errors import CliError, Exit

Json = dict[str, Any]


class TextTimestamps(yaml.SafeLoader):
    """YAML as Kubernetes reads it: there are no timestamps in JSON."""


TextTimestamps.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(file: Path) -> list[Json]:
    """Read the objects of a manifest; each has an apiVersion, a kind and a name."""
    try:
        # Timestamps stay text: a manifest's notAfter is the server's to read.
        found = list(yaml.load_all(file.read_text(), Loader=TextTimestamps))
    except OSError as error:
        raise CliError(f"{file} cannot be read ({error.strerror})", Exit.USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{file} is not YAML: it is not text", Exit.USAGE) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise CliError(f"{file} is not YAML: {_where(error)}", Exit.USAGE) from None
    documents = [document for document in found if document is not None]
    if not documents:
        raise CliError(f"{file} holds no Kubernetes object; it is empty", Exit.USAGE)
    for number, document in enumerate(documents, 1):
        _check(document, f"{file}, object {number}")
    return documents


def _check(document: object, where: str) -> None:
    if not isinstance(document, dict):
        raise CliError(f"{where}: is no Kubernetes object, but a bare value", Exit.USAGE)
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            raise CliError(f"{where}: {field}: is missing, or not text", Exit.USAGE)
    meta = document.get("metadata")
    if not isinstance(meta, dict):
        raise CliError(f"{where}: metadata: is missing; it holds the object's name", Exit.USAGE)
    if not isinstance(meta.get("name"), str) or not meta["name"]:
        said = "metadata.name: is missing, or not text; give the object a name"
        raise CliError(f"{where}: {said}", Exit.USAGE)
    if not isinstance(meta.get("namespace", ""), str):
        said = f"metadata.namespace: {meta['namespace']!r} is not text; write it in quotes"
        raise CliError(f"{where}: {said}", Exit.USAGE)


def _where(error: Exception) -> str:
    """Give line and problem of a YAML error, on one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    if mark is not None and problem:
        return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
    return " ".join(str(error).split())[:200]
