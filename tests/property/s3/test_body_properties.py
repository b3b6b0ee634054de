"""Chunked bodies cut anywhere decode the same; checksums equal their definition."""

from __future__ import annotations

import contextlib
import itertools
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from busbar.apis.s3.checksums import Digests, whole
from busbar.apis.s3.chunked import ChunkDecoder
from busbar.apis.s3.conditions import span
from busbar.apis.s3.crc import crc32c, crc64nvme
from busbar.apis.s3.errors import S3Error
from busbar.apis.s3.xml import escaped, parse


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({place % (len(wire) + 1) for place in cuts} | {0, len(wire)})
    return [wire[start:end] for start, end in itertools.pairwise(places)]


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.lists(st.integers(0, 10**6)))
def test_a_body_decodes_the_same_however_it_is_cut(chunks: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    wire += b"0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
    decoder = ChunkDecoder(None)
    out = b"".join(view for piece in cut(wire, cuts) for view in decoder.feed([piece]))
    decoder.finish()
    assert out == b"".join(chunks)
    assert decoder.trailers == {"x-amz-checksum-crc32": "AAAA"}


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_garbage_is_refused_and_never_a_fault(pieces: list[bytes]) -> None:
    decoder = ChunkDecoder(None)
    with contextlib.suppress(S3Error):
        decoder.feed(pieces)
        decoder.finish()


def by_definition(data: bytes, width: int, polynomial: int) -> bytes:
    value = (1 << width) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return (value ^ ((1 << width) - 1)).to_bytes(width // 8, "big")


@given(st.integers(0, 70_000), st.integers(0, 255), st.lists(st.integers(0, 70_000), max_size=3))
def test_crcs_equal_their_definition(size: int, seed: int, cuts: list[int]) -> None:
    data = bytes((seed + place * place) & 0xFF for place in range(256)) * (size // 256 + 1)
    data = data[:size]
    for make, width, polynomial in (
        (crc32c, 32, 0x82F63B78),
        (crc64nvme, 64, 0x9A6C9329AC4BC9B5),
    ):
        whole, pieces = make(), make()
        whole.update(data)
        for piece in cut(data, cuts):
            pieces.update(piece)
        assert whole.digest() == pieces.digest()
        if size < 2000:
            assert whole.digest() == by_definition(data, width, polynomial)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_checksums_of_parts_join_to_that_of_the_whole(data: bytes, cuts: list[int]) -> None:
    def checksums(piece: bytes) -> dict[str, str]:
        names = ("crc32", "crc32c", "crc64nvme")
        digests = Digests(checksums=dict.fromkeys(names))
        digests.update_others([piece])
        return {name: b64encode(digests._hashers[name].digest()).decode() for name in names}

    parts = [(checksums(piece), len(piece)) for piece in cut(data, cuts)]
    assert whole(parts) == (checksums(data) if parts else {})


@given(st.text(max_size=30), st.integers(0, 1000))
def test_a_range_is_inside_the_object_or_refused(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            start, length, partial = span(text, size)
        except S3Error:
            continue
        assert 0 <= start <= start + length <= size
        assert partial or (start, length) == (0, size)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])))
def test_text_survives_xml(text: str) -> None:
    if "\ufffe" not in text and "\uffff" not in text:
        node = parse(f"<R><Key>{escaped(text)}</Key></R>".encode(), "R")
        assert node.get("Key") == text
