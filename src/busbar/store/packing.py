"""How records are packed: gzip, so that anybody's tools open what an auditor took along.

The header holds no time and no name: equal records are packed alike. Next: `judge.py`.
"""

from __future__ import annotations

import zlib
from typing import Final

LEVEL: Final = 1
"""Records come many a second; the levels above take three times as long for a fifth less."""
_GZIP: Final = 31


class NotPacked(ValueError):
    """What should be a packed record cannot be unpacked: a byte was changed, or some are missing.

    gzip's own check sum is compared, so no changed byte goes unseen.
    """


def pack(body: bytes) -> bytes:
    """Pack a record."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def unpack(packed: bytes) -> bytes:
    """Unpack a record; raises `NotPacked`."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(packed)
    except zlib.error as error:
        raise NotPacked(str(error)) from None
    if not unpacker.eof or unpacker.unused_data:
        raise NotPacked("it is not whole")
    return body
