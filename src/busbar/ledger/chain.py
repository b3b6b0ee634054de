"""The hash chain that makes the journal tamper-evident, recomputable without this code.

hash(n) = sha256(hash(n-1) + "\\n" + n + "\\n" + entry), in lower-case hex, where entry is the
compact JSON array [id, kind, at, [[account, amount], …], reference, memo] in UTF-8; hash(0) is 64
zeros.
Next: `fold.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from busbar.ledger.entries import Entry, Sealed

GENESIS = "0" * 64
"""The hash before the first entry."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """Give an entry's canonical encoding."""
    return _encoder.encode(entry)


def decode(encoded: bytes) -> Entry:
    """Read a canonical encoding back; raises `msgspec.DecodeError`."""
    return _decoder.decode(encoded)


def link(previous: str, seq: int, encoded: bytes) -> str:
    """Give the hash of the entry at `seq` from its predecessor's."""
    return hashlib.sha256(b"%b\n%d\n%b" % (previous.encode(), seq, encoded)).hexdigest()


def seal(entries: Iterable[Entry], seq: int = 0, head: str = GENESIS) -> tuple[Sealed, ...]:
    """Chain entries after the one at `seq`, whose hash is `head`."""
    sealed = []
    for entry in entries:
        seq += 1
        head = link(head, seq, encode(entry))
        sealed.append(Sealed(seq, entry, head))
    return tuple(sealed)
