"""CRC-32C and CRC-64/NVME over large buffers, without a C extension of our own.

A CRC is sequential, but it is linear over GF(2): the buffer is cut into equal lanes, all lanes
advance one byte per NumPy step, and their remainders are joined pairwise by the operator "append
n zero bytes". Parameters: RFC 3720 and the NVM Express specification, both reflected with all
ones in and out. Next: `checksums.py`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LANE_BYTES = 256
ZLIB, CASTAGNOLI, NVME = 0xEDB88320, 0x82F63B78, 0x9A6C9329AC4BC9B5
MANY_LANES = 64


class Crc:
    """A running CRC of `width` bits with a reflected polynomial."""

    def __init__(self, width: int, polynomial: int) -> None:
        self._width = width
        self._poly = polynomial
        self._ones = (1 << width) - 1
        self._value = self._ones

    def update(self, data: bytes | memoryview) -> None:
        """Take more bytes."""
        view = memoryview(data)
        blocks = len(view) // LANE_BYTES
        while blocks >= MANY_LANES:
            # A power of two of lanes, so that they join pairwise.
            lanes = 1 << (blocks.bit_length() - 1)
            size = lanes * LANE_BYTES
            joined = _lanes(view[:size], self._width, self._poly)
            self._value = _shift_one(self._value, size, self._width, self._poly) ^ joined
            view, blocks = view[size:], blocks - lanes
        table = _int_table(self._width, self._poly)
        value = self._value
        for byte in view:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        """Give the CRC, big-endian, as S3 writes it."""
        return (self._value ^ self._ones).to_bytes(self._width // 8, "big")


def _lanes(view: memoryview, width: int, poly: int) -> int:
    """Give the remainder of the whole view, started at zero."""
    table = _np_table(width, poly)
    columns = np.ascontiguousarray(np.frombuffer(view, np.uint8).reshape(-1, LANE_BYTES).T)
    state = np.zeros(columns.shape[1], table.dtype)
    eight = table.dtype.type(8)
    for column in columns:
        index = state.astype(np.uint8)  # keeps the low byte
        index ^= column
        state >>= eight
        state ^= table[index]
    size = LANE_BYTES
    while len(state) > 1:
        state = _shift_many(state[0::2], size, width, poly) ^ state[1::2]
        size *= 2
    return int(state[0])


def _shift_many(
    state: NDArray[np.unsignedinteger], size: int, width: int, poly: int
) -> NDArray[np.unsignedinteger]:
    tables = _shift_tables(size, width, poly)
    result = tables[0][state & state.dtype.type(0xFF)]
    for place in range(1, width // 8):
        byte = (state >> state.dtype.type(8 * place)) & state.dtype.type(0xFF)
        result = result ^ tables[place][byte]
    return result


def _shift_one(value: int, size: int, width: int, poly: int) -> int:
    return _apply(_shift_columns(size, width, poly), value) if size else value


@lru_cache(maxsize=128)
def _shift_tables(size: int, width: int, poly: int) -> tuple[NDArray[np.unsignedinteger], ...]:
    """Tables of the operator "append `size` zero bytes", one for each byte of the state."""
    columns = _shift_columns(size, width, poly)
    dtype = _np_table(width, poly).dtype
    tables = []
    for place in range(width // 8):
        table = np.zeros(256, dtype)
        for bit in range(8):
            mask = (np.arange(256) >> bit) & 1 == 1
            table[mask] ^= dtype.type(columns[8 * place + bit])
        tables.append(table)
    return tuple(tables)


@lru_cache(maxsize=128)
def _shift_columns(size: int, width: int, poly: int) -> tuple[int, ...]:
    """Give the operator's image of each single bit, by halving the size."""
    if size == 1:
        table = _int_table(width, poly)
        return tuple(table[(1 << bit) & 0xFF] ^ ((1 << bit) >> 8) for bit in range(width))
    half = _shift_columns(size // 2, width, poly)
    columns = tuple(_apply(half, value) for value in half)
    if size % 2:
        one = _shift_columns(1, width, poly)
        columns = tuple(_apply(one, value) for value in columns)
    return columns


def _apply(columns: tuple[int, ...], value: int) -> int:
    result, bit = 0, 0
    while value:
        if value & 1:
            result ^= columns[bit]
        value >>= 1
        bit += 1
    return result


@lru_cache(maxsize=4)
def _int_table(width: int, poly: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (poly if value & 1 else 0)
        table.append(value)
    return table


@lru_cache(maxsize=4)
def _np_table(width: int, poly: int) -> NDArray[np.unsignedinteger]:
    return np.array(_int_table(width, poly), np.uint32 if width == 32 else np.uint64)


def combined(first: bytes, second: bytes, second_size: int, polynomial: int) -> bytes:
    """Give the CRC of two pieces in a row from the CRC of each, as zlib's crc32_combine does."""
    width = len(first) * 8
    shifted = _shift_one(int.from_bytes(first, "big"), second_size, width, polynomial)
    return (shifted ^ int.from_bytes(second, "big")).to_bytes(len(first), "big")


def crc32c() -> Crc:
    """Castagnoli's CRC-32."""
    return Crc(32, CASTAGNOLI)


def crc64nvme() -> Crc:
    """The CRC-64 of NVM Express."""
    return Crc(64, NVME)
