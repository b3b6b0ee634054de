"""The canonical form of a request that both sides sign.

Source: "Signature Calculations for the Authorization Header" of the Amazon S3 API reference. S3
differs from the other services of that signature in one point: the path is encoded once, never
normalised, so that `a//b` and `../x` stay the keys they are. Next: `sigv4.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_plus, unquote_to_bytes

QueryPairs = list[tuple[str, str]]

_SPACES = re.compile(" {2,}")


def encode(text: str | bytes) -> str:
    """Percent-encode everything but letters, digits and `-._~`, in upper-case hex."""
    return quote(text, safe="-._~")


def canonical_path(raw_path: str) -> str:
    """Encode the path once, whatever the client left unencoded; slashes stay."""
    return quote(unquote_to_bytes(raw_path), safe="/-._~")


def parse_query(raw: str) -> QueryPairs:
    """Decode a query string; `UnicodeDecodeError` where it is not UTF-8."""
    pairs = []
    for item in raw.split("&"):
        if item:
            name, _, value = item.partition("=")
            if "%" in item or "+" in item:
                name = unquote_plus(name, errors="strict")
                value = unquote_plus(value, errors="strict")
            pairs.append((name, value))
    return pairs


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Encode and sort the query; the signature itself is not part of it."""
    encoded = sorted(
        (encode(name), encode(value)) for name, value in pairs if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_headers(headers: Mapping[str, str], signed: Iterable[str]) -> str:
    """Write the signed headers, one a line, runs of spaces collapsed."""
    return "".join(f"{name}:{_trimmed(headers[name])}\n" for name in signed)


def _trimmed(value: str) -> str:
    # Not str.split(): values are bytes read as Latin-1, where 0xA0 may be half of a letter.
    value = value.strip(" \t")
    return _SPACES.sub(" ", value) if "  " in value else value


def canonical_request(
    method: str, path: str, query: str, headers: str, signed: str, payload_hash: str
) -> str:
    """Join the six parts; `path`, `query` and `headers` are canonical already."""
    return f"{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload_hash}"
