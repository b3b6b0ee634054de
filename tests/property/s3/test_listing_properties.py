"""Any page of any listing is what sorting and rolling up all keys gives."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from busbar.apis.s3.storage import index, listing, schema
from busbar.apis.s3.storage.records import Stored

ALPHABET = "ab/-é\U0001f600"
TEXTS = st.text(ALPHABET, max_size=5)
KEYS = st.sets(st.text(ALPHABET, min_size=1, max_size=6), max_size=40)
DELIMITERS = st.sampled_from(["", "/", "a", "//", "é", "-"])


def database(keys: set[str]) -> sqlite3.Connection:
    db = schema.connect(":memory:")
    schema.migrate(db, 0)
    change = index.Change(db, index.new_versions(db))
    for bucket in ("bucket", "other"):
        for key in keys:
            change.write_object(bucket, Stored(key, 1, len(key), "e", 0, []))
    return db


def reference(keys: set[str], prefix: str, delimiter: str, after: str) -> list[tuple[str, bool]]:
    """Give all entries in order: key, or common prefix and True."""
    entries = set()
    for key in keys:
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            entries.add((prefix + head + found, True) if found else (key, False))
    order = sorted(entries, key=lambda entry: entry[0].encode())
    return [entry for entry in order if entry[0].encode() > after.encode()]


def merged(page: listing.Listing) -> list[tuple[str, bool]]:
    entries = [(stored.key, False) for stored in page.objects]
    entries += [(prefix, True) for prefix in page.prefixes]
    return sorted(entries, key=lambda entry: entry[0].encode())


@given(KEYS, TEXTS, DELIMITERS, TEXTS, st.integers(0, 8))
def test_a_page_is_the_references_beginning(
    keys: set[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    db = database(keys)
    page = listing.page(db, "bucket", prefix, delimiter, after, limit)
    expected = reference(keys, prefix, delimiter, after)
    assert merged(page) == expected[:limit]
    assert page.next == (expected[limit - 1][0] if 0 < limit < len(expected) else None)
    db.close()


@given(KEYS, TEXTS, DELIMITERS, st.integers(1, 4))
def test_pages_join_without_gap_or_repetition(
    keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    db = database(keys)
    after: str | None = ""
    found: list[tuple[str, bool]] = []
    while after is not None:
        page = listing.page(db, "bucket", prefix, delimiter, after, limit)
        found += merged(page)
        after = page.next
    assert found == reference(keys, prefix, delimiter, "")
    db.close()


@given(st.integers(300, 700), st.integers(1, 3))
def test_batches_of_rows_join_unseen(count: int, width: int) -> None:
    """Listings larger than one batch, with prefixes that span batches."""
    keys = {f"{number:04}"[:width] + f"/{number:04}" for number in range(count)}
    keys |= {f"{number:04}" for number in range(0, count, 7)}
    db = database(keys)
    for delimiter in ("", "/"):
        page = listing.page(db, "bucket", "", delimiter, "", 10_000)
        assert merged(page) == reference(keys, "", delimiter, "")
    db.close()
