"""docs/s3.md says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

from busbar.apis.s3.body import OBJECT_BYTES_MAX
from busbar.apis.s3.checksums import ALGORITHMS
from busbar.apis.s3.errors import Code
from busbar.apis.s3.gates import NAMESPACE_UPLOADS_MAX, UPLOADS_MAX, WAIT_S_MAX
from busbar.apis.s3.routes import OPERATIONS, Operation
from busbar.apis.s3.storage.store import INLINE_BYTES_MAX

TEXT = (Path(__file__).parents[4] / "docs" / "s3.md").read_text()
PLACES = {"service": "/", "bucket": "/bucket", "object": "/bucket/key"}


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the first table under a heading."""
    lines = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def form(operation: Operation) -> str:
    sub = f"?{operation.sub}" if operation.sub else ""
    copy = " with `x-amz-copy-source`" if operation.copy else ""
    return f"`{operation.method} {PLACES[operation.level]}{sub}`{copy}"


def test_the_table_of_operations_is_the_routing_table() -> None:
    expected = [
        [operation.name, form(operation), "yes" if operation.writes else "no"]
        for operation in OPERATIONS
    ]
    assert rows("Operations") == expected


def test_every_refusal_is_listed_with_its_status() -> None:
    listed = {
        (int(status), code.strip(" `"))
        for status, codes in rows("Refusals")
        for code in codes.split(",")
    }
    assert listed == {(code.status, code.name) for code in Code}


def test_limits_are_the_ones_in_force() -> None:
    assert f"up to {INLINE_BYTES_MAX // 1024} KiB live in the index" in TEXT
    assert f"{OBJECT_BYTES_MAX // 1024**4} TiB" in TEXT
    gates = f"At most {UPLOADS_MAX} large uploads run at once, {NAMESPACE_UPLOADS_MAX} of one"
    assert gates in TEXT
    assert f"others wait {WAIT_S_MAX:.0f} s" in TEXT
    assert all(f"`{name}`" in TEXT for name in ALGORITHMS)


def test_what_writes_is_what_a_read_only_key_may_not() -> None:
    reading = {operation.name for operation in OPERATIONS if not operation.writes}
    assert all(name.startswith(("Get", "Head", "List")) for name in reading)
    assert not any(
        operation.name.startswith(("Get", "Head", "List"))
        for operation in OPERATIONS
        if operation.writes
    )
