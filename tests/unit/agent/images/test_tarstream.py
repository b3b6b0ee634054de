"""The parser reads what tar writes, and refuses what promises too much."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from busbar.agent.images.extract import Limits
from busbar.agent.images.sources import open_file
from busbar.agent.images.unpack import unpack_layer
from busbar.images.refusals import ImageError, ImageRefusal

LONG = "folder/" * 30 + "file"


def tar_of(format_: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as tar:
        for name, size in (("a", 0), ("b", 511), ("c", 512), ("d", 70_000), (LONG, 5)):
            entry = tarfile.TarInfo(name)
            entry.uid, entry.gid = os.getuid(), os.getgid()
            entry.size = size
            tar.addfile(entry, io.BytesIO(name[:1].encode() * size))
        link = tarfile.TarInfo("link")
        link.uid, link.gid = os.getuid(), os.getgid()
        link.type, link.linkname = tarfile.SYMTYPE, LONG
        tar.addfile(link)
    return out.getvalue()


def plain(content: bytes) -> bytes:
    return content


def zstd(content: bytes) -> bytes:
    return zstandard.compress(content)


def zstd_in_two_frames(content: bytes) -> bytes:
    return zstandard.compress(content[:1000]) + zstandard.compress(content[1000:])


@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("compress", [plain, gzip.compress, zstd, zstd_in_two_frames])
def test_every_format_and_compression_gives_the_same_files(
    tmp_path: Path, target: Path, format_, compress
) -> None:
    content = tar_of(format_)
    blob = tmp_path / "blob"
    blob.write_bytes(compress(content))
    diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
    with open_file(blob, 1 << 30) as source:
        result = unpack_layer(source, target, diff_id, Limits())
    assert result.entries == 6
    assert [(target / name).stat().st_size for name in ("a", "b", "c", "d", LONG)] == [
        0, 511, 512, 70_000, 5,
    ]  # fmt: skip
    assert (target / "d").read_bytes() == b"d" * 70_000
    assert os.readlink(target / "link") == LONG


def test_a_wrong_digest_is_refused(tmp_path: Path, target: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(tar_of(tarfile.PAX_FORMAT))
    with open_file(blob, 1 << 30) as source, pytest.raises(ImageError) as caught:
        unpack_layer(source, target, "sha256:" + "0" * 64, Limits())
    assert caught.value.refusal is ImageRefusal.DIGEST_MISMATCH


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_decompression_bomb_is_stopped_at_the_limit(tmp_path: Path, target, compress) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(compress(bytes(50 << 20)))
    with open_file(blob, 8 << 20) as source, pytest.raises(ImageError) as caught:
        unpack_layer(source, target, "sha256:" + "0" * 64, Limits(bytes=8 << 20))
    assert caught.value.refusal is ImageRefusal.TOO_LARGE
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("compress", [plain, gzip.compress, zstd])
def test_a_layer_that_ends_early_is_refused(tmp_path: Path, target: Path, compress) -> None:
    content = compress(tar_of(tarfile.PAX_FORMAT))
    blob = tmp_path / "blob"
    blob.write_bytes(content[: len(content) * 2 // 3])
    with open_file(blob, 1 << 30) as source, pytest.raises(ImageError) as caught:
        unpack_layer(source, target, "sha256:" + "0" * 64, Limits())
    assert caught.value.refusal in (ImageRefusal.UNSAFE_LAYER, ImageRefusal.DIGEST_MISMATCH)


def test_an_empty_layer_is_refused(tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(b"")
    with pytest.raises(ImageError) as caught, open_file(blob, 1 << 30):
        pass
    assert caught.value.refusal is ImageRefusal.UNSAFE_LAYER


def header(**fields: bytes) -> bytes:
    """One raw header with a right checksum."""
    raw = bytearray(512)
    places = {"name": 0, "mode": 100, "size": 124, "checksum": 148, "kind": 156, "magic": 257}
    raw[156:157] = b"0"
    for name, value in fields.items():
        raw[places[name] : places[name] + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"x" * 512, id="noise"),
        pytest.param(header(name=b"f", size=b"77777777777"), id="size without content"),
        pytest.param(header(name=b"f", size=b"\xff" * 12), id="negative size"),
        pytest.param(header(name=b"f", size=b"9z"), id="size that is no number"),
        pytest.param(header(kind=b"x", size=b"77777777"), id="huge pax header"),
        pytest.param(header(kind=b"L", size=b"\x80" + b"\xff" * 11), id="huge long name"),
        pytest.param(header(kind=b"S", name=b"f"), id="sparse file"),
        pytest.param(header(kind=b"V", name=b"f"), id="unknown kind"),
        pytest.param(header(kind=b"x", size=b"13") + b"99 path=x\n".ljust(512), id="long record"),
        pytest.param(header(kind=b"x", size=b"10") + b"5 a=\n3 \n".ljust(512), id="no equals sign"),
    ],
)
def test_malformed_headers_are_refused(unpack, content: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        unpack(content + bytes(1024))
    assert caught.value.refusal is ImageRefusal.UNSAFE_LAYER


def test_a_global_header_changes_nothing(unpack, target: Path) -> None:
    record = b"16 path=../evil\n"
    start = header(kind=b"g", size=b"%o" % len(record)) + record.ljust(512, b"\0")
    unpack(start + header(name=b"good", mode=b"0000644") + bytes(1024))
    assert [path.name for path in target.iterdir()] == ["good"]
