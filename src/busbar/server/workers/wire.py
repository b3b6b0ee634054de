"""What goes between a worker and the control plane. Next: `channel.py`.

Both ends are the same program, started by the same user over a pair of sockets that nobody else
has, so that `marshal` may be the encoding: one call for all that is sent at once.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from typing import Any, Final

Message = tuple[Any, ...]
"""Its kind, the number of the request in its worker, then what the kind says."""

REQUEST: Final = 0
"""scope (plain parts), body or None where it comes piece by piece, when it is asked for."""
PIECE: Final = 1
"""bytes, whether there are more: of the request's body."""
GONE: Final = 2
"""The client is gone."""
FULL: Final = 3
"""The client does not read: send no more."""
DRAINED: Final = 4
"""It does again."""
READY: Final = 5
"""The worker listens."""
LOG: Final = 6
"""level, text."""

ANSWER: Final = 10
"""status, headers, body: a whole answer."""
START: Final = 11
"""status, headers of an answer in parts."""
PART: Final = 12
"""bytes, whether there are more: of the answer."""
ASK: Final = 13
"""The next piece of the request's body is wanted."""
BROKEN: Final = 14
"""The answer ends in its midst: the client must see that."""
RENEW: Final = 15
"""The server's certificate was renewed."""
STOP: Final = 16
"""Listen no more, and end."""

_LENGTH_BYTES: Final = 4


def packed(messages: Sequence[Message]) -> bytes:
    """Write messages as they go over the channel."""
    body = marshal.dumps(list(messages))
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Unpacker:
    """Reads what `packed` wrote, however it was cut on the way.

    >>> unpacker = Unpacker()
    >>> data = packed([(GONE, 7)])
    >>> list(unpacker.feed(data[:3])), list(unpacker.feed(data[3:]))
    ([], [(2, 7)])
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._wanted = _LENGTH_BYTES
        """Bytes until the next messages are whole, their length included."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes; give the messages that are whole."""
        self._data += data
        while len(self._data) >= self._wanted:
            end = _LENGTH_BYTES + int.from_bytes(self._data[:_LENGTH_BYTES], "big")
            if end > len(self._data):
                self._wanted = end
                return
            messages = marshal.loads(bytes(self._data[_LENGTH_BYTES:end]))
            del self._data[:end]
            self._wanted = _LENGTH_BYTES
            yield from messages
