"""What every own kind has: the Struct base and the description of a served kind.

The JSON schemas are derived from the Structs by msgspec; nothing is written by hand twice.
Next: `vendor.py`, `offer.py`, `job.py`, `contract.py`, `account.py`, `bucket.py`, `book.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Part(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A piece of a spec or a status, written in camelCase on the wire."""


class PrinterColumn(NamedTuple):
    """A column of `kubectl get`: a title, where the value is (JSONPath), its type, wide only?"""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


class OwnKind(NamedTuple):
    """A kind of the project: how it is named, served, printed and checked."""

    kind: str
    plural: str
    singular: str
    namespaced: bool
    spec: type[Part] | None
    status: type[Part] | None
    columns: tuple[PrinterColumn, ...]
    short_names: tuple[str, ...] = ()
    description: str = ""
    read_only: bool = False
    """Written by the exchange alone: nobody else may create, change or delete it."""
    group: str = "busbar.dev"
    version: str = "v1alpha1"
    aliases: tuple[tuple[str, str], ...] = ()
    """(group, kind) pairs under which the same stored objects are served as well."""

    def json_schema(self) -> dict[str, Any]:
        """Give the JSON schema of spec and status, with `$defs` for the parts.

        Shape: {"type": "object", "properties": {"spec": …, "status": …}, "$defs": {…}}.
        metadata, apiVersion and kind are the door's to add.
        """
        named = {"spec": self.spec, "status": self.status}
        parts = {field: struct for field, struct in named.items() if struct is not None}
        schemas, defs = msgspec.json.schema_components(
            list(parts.values()), ref_template="#/$defs/{name}"
        )
        return {
            "type": "object",
            "description": self.description,
            "properties": dict(zip(parts, schemas, strict=True)),
            "$defs": defs,
        }
