"""Reads a tar as container layers use it, with a limit on everything it promises.

POSIX ustar and pax, and GNU's long names (gnu.org/software/tar/manual: "Basic Tar Format"). It
parses only; what is safe to write is decided in `extract.py`, which comes next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from busbar.images.refusals import ImageError, ImageRefusal

BLOCK = 512
EXTENSION_BYTES_MAX = 1 << 20
"""A pax header or long name larger than this is an attack on memory."""

REGULAR, HARDLINK, SYMLINK = b"0", b"1", b"2"
CHARACTER, BLOCKDEV, DIRECTORY, FIFO = b"3", b"4", b"5", b"6"


class Source(Protocol):
    """Plain bytes of a tar, read once from front to back."""

    def take(self, count: int) -> bytes | memoryview:
        """The next bytes, fewer only at the end."""

    def skip(self, count: int) -> None:
        """Pass over bytes."""

    def spool(self, count: int, descriptor: int) -> None:
        """Write the next `count` bytes to a file descriptor."""


@dataclass(slots=True)
class Entry:
    """One member; names are bytes, as file systems have them."""

    name: bytes
    kind: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    link: bytes
    device: tuple[int, int] = (0, 0)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)


def unsafe(what: str) -> ImageError:
    """A layer that must not be written to a disk."""
    return ImageError(
        ImageRefusal.UNSAFE_LAYER, f"A layer of the image is unsafe or damaged: {what}."
    )


def entries(source: Source) -> Iterator[Entry]:
    """The members of a tar; the content of a regular one is to be taken from `source` in between.

    Whoever iterates takes exactly `entry.size` bytes; padding is skipped here.
    """
    pax: dict[bytes, bytes] = {}
    while (header := _header(source)) is not None:
        kind = bytes(header[156:157])
        if kind in b"xgLK" and kind:
            content = _extension(source, header)
            if kind == b"x":
                pax = {**pax, **_pax_records(content)}
            elif kind == b"L":
                pax[b"path"] = content.rstrip(b"\0")
            elif kind == b"K":
                pax[b"linkpath"] = content.rstrip(b"\0")
            continue
        entry = _entry(header, kind, pax)
        pax = {}
        yield entry
        source.skip(-entry.size % BLOCK)


def _header(source: Source) -> memoryview | None:
    header = memoryview(source.take(BLOCK))
    if len(header) == 0 or not any(header):
        return None
    if len(header) < BLOCK:
        raise unsafe("it ends in the middle")
    stored = _number(header[148:156])
    if stored != sum(header) - sum(header[148:156]) + 8 * 32:
        raise unsafe("a header has a wrong checksum")
    return header


def _extension(source: Source, header: memoryview) -> bytes:
    size = _number(header[124:136])
    if not 0 <= size <= EXTENSION_BYTES_MAX:
        raise unsafe("a header is larger than 1 MiB")
    content = bytes(source.take(size))
    if len(content) < size:
        raise unsafe("it ends in the middle")
    source.skip(-size % BLOCK)
    return content


def _entry(header: memoryview, kind: bytes, pax: dict[bytes, bytes]) -> Entry:
    name = pax.get(b"path")
    if name is None:
        name = _text(header[0:100])
        prefix = _text(header[345:500]) if bytes(header[257:263]) == b"ustar\0" else b""
        name = prefix + b"/" + name if prefix else name
    if kind in (b"\0", b"7"):
        kind = DIRECTORY if name.endswith(b"/") else REGULAR
    if kind == b"S" or any(key.startswith(b"GNU.sparse") for key in pax):
        raise unsafe("it has sparse files, which images do not use")
    size = _pax_number(pax, b"size", _number(header[124:136]))
    if size < 0:
        raise unsafe("a size is negative")
    return Entry(
        name=name,
        kind=kind,
        size=size if kind == REGULAR else 0,
        mode=_number(header[100:108]) & 0o7777,
        uid=_id(_pax_number(pax, b"uid", _number(header[108:116]))),
        gid=_id(_pax_number(pax, b"gid", _number(header[116:124]))),
        mtime_ns=_mtime(pax, _number(header[136:148])),
        link=pax.get(b"linkpath", _text(header[157:257])),
        device=(_number(header[329:337]), _number(header[337:345])),
        xattrs={key[len(_XATTR) :]: value for key, value in pax.items() if key.startswith(_XATTR)}
        if pax
        else {},
    )


_XATTR = b"SCHILY.xattr."


def _pax_records(content: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        length = content[at:space] if space > 0 else b""
        end = at + int(length) if length.isdigit() else -1
        if end <= space + 1 or end > len(content) or content[end - 1] != 0x0A:
            raise unsafe("a pax header is malformed")
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not equals:
            raise unsafe("a pax header is malformed")
        records[key] = value
        at = end
    return records


def _text(raw: memoryview) -> bytes:
    return bytes(raw).partition(b"\0")[0]


def _number(raw: memoryview) -> int:
    """Octal digits, or base 256 where the first bit is set."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 1)) - 1)
        return value - (1 << (8 * len(raw) - 1)) if raw[0] & 0x40 else value
    digits = bytes(raw).partition(b"\0")[0].strip()
    if not digits:
        return 0
    try:
        return int(digits, 8)
    except ValueError:
        raise unsafe("a header has a number that is none") from None


def _pax_number(pax: dict[bytes, bytes], key: bytes, otherwise: int) -> int:
    value = pax.get(key)
    if value is None:
        return otherwise
    if not value.isdigit() or len(value) > 19:
        raise unsafe("a pax header has a number that is none")
    return int(value)


def _id(value: int) -> int:
    if not 0 <= value < 2**31:
        raise unsafe("an owner is out of range")
    return value


def _mtime(pax: dict[bytes, bytes], otherwise: int) -> int:
    whole, _, part = pax.get(b"mtime", b"%d" % otherwise).partition(b".")
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 12 or (part and not part.isdigit()):
        return 0
    return int(whole) * 10**9 + int((part + b"0" * 9)[:9])
