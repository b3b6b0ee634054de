"""Where the command line gets records from: the cloud, or a folder that was taken along.

A folder holds each record as it was served, `NAME.json.gz`, and `index.json`, which says in which
order they came. Next: `record.py`, which fills one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from busbar.cli.client import Client
from busbar.cli.errors import CliError, Exit

RECORDS: Final = "/market/v1/records"
PAGE: Final = 1_000
INDEX: Final = "index.json"


class CloudRecords:
    """Records of a running cloud."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def latest(self) -> Iterator[str]:
        """Give names from the latest back, page by page; none of a cloud that keeps no records."""
        before: dict[str, str] = {}
        while True:
            try:
                found = self._client.get(RECORDS, limit=str(PAGE), **before).get("records") or []
            except CliError as error:
                if error.code is Exit.NOT_FOUND:
                    return
                raise
            yield from (str(record["name"]) for record in found)
            if len(found) < PAGE:
                return
            before = {"before": str(found[-1]["name"])}

    def fetch(self, name: str) -> bytes | None:
        """Give a record, packed."""
        return self._client.fetch(f"{RECORDS}/{quote(name, safe='')}")


class FolderRecords:
    """Records in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Give the names of all records, in the order in which they came."""
        index = self._folder / INDEX
        try:
            found = json.loads(index.read_text())["records"]
        except OSError as error:
            said = f"{index} cannot be read ({error.strerror}); fill a folder with --save"
            raise CliError(said, Exit.USAGE) from None
        except (ValueError, LookupError, TypeError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(map(_is_name, found)):
            raise CliError(f"{index} is not the index of saved records", Exit.USAGE)
        return found

    def latest(self) -> Iterator[str]:
        """Give names from the latest back."""
        return reversed(self.names())

    def fetch(self, name: str) -> bytes | None:
        """Give a record, packed."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            said = f"{self.path(name)} cannot be read ({error.strerror})"
            raise CliError(said, Exit.MACHINE) from None

    def path(self, name: str) -> Path:
        """Give the file of a record."""
        return self._folder / f"{name}.json.gz"

    def known(self) -> list[str]:
        """Give the names of what a folder holds already; nothing of a new one."""
        return self.names() if (self._folder / INDEX).exists() else []

    def write(self, name: str, packed: bytes) -> None:
        """Keep a record."""
        self.path(name).write_bytes(packed)

    def write_index(self, names: list[str]) -> None:
        """Say in which order they came."""
        (self._folder / INDEX).write_text(json.dumps({"records": names}, indent=1) + "\n")


def _is_name(name: object) -> bool:
    """Say whether something is a record's name, which is a file's name here."""
    return isinstance(name, str) and bool(name) and name.replace("-", "").isalnum()
