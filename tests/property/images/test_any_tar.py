"""Whatever bytes a layer has: it is written inside its folder, or refused in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busbar.agent.images.extract import Limits, clean_path
from busbar.agent.images.sources import open_stream
from busbar.agent.images.unpack import unpack_layer
from busbar.images.reference import parse_door_path, parse_reference
from busbar.images.refusals import ImageError

LIMITS = Limits(entries=50, bytes=1 << 20)

names = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", ".wh.a", ".wh..wh..opq", ".wh.", "x" * 256]),
    min_size=1,
    max_size=4,
).map("/".join)
kinds = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE,
     tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.CONTTYPE, b"Z"]
)  # fmt: skip
members = st.lists(
    st.tuples(names, kinds, st.one_of(names, st.just("/outside"), st.just("../../outside"))),
    max_size=12,
)


def write(content: bytes) -> None:
    """Unpack, and check that nothing but the target has changed."""
    with tempfile.TemporaryDirectory() as place:
        outside, target = Path(place, "outside"), Path(place, "target")
        outside.mkdir()
        target.mkdir()
        (outside / "secret").write_text("secret")
        with contextlib.suppress(ImageError):
            reader = io.BufferedReader(io.BytesIO(content))
            diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
            unpack_layer(open_stream(reader, LIMITS.bytes), target, diff_id, LIMITS)
        assert sorted(os.listdir(place)) == ["outside", "target"]
        assert os.listdir(outside) == ["secret"]
        status = os.lstat(outside / "secret")
        assert (status.st_nlink, status.st_size) == (1, 6)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(members)
def test_no_combination_of_members_leaves_the_folder(parts) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, link in parts:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.uid, entry.gid = os.getuid(), os.getgid()
            tar.addfile(entry)
    write(out.getvalue())


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_refused_in_one_sentence(content: bytes) -> None:
    write(content)


@settings(max_examples=80, deadline=None)
@given(members, st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), max_size=6))
def test_an_altered_tar_is_refused_or_harmless(parts, changes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, link in parts:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.mtime = 1.5
            entry.uid, entry.gid = os.getuid(), os.getgid()
            tar.addfile(entry)
    content = bytearray(out.getvalue())
    for at, value in changes:
        content[at % len(content)] = value
    write(bytes(content))


@given(st.binary(max_size=300))
def test_a_clean_path_never_points_upwards(name: bytes) -> None:
    try:
        path = clean_path(name)
    except ImageError:
        return
    assert not path.startswith(b"/")
    assert not {b"..", b".", b""} & set(path.split(b"/")) or path == b""


@given(st.text(max_size=80))
def test_any_text_is_a_name_with_one_full_form_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ImageError:
        return
    assert parse_reference(str(reference)) == reference
    if not any(character.isupper() for character in reference.domain):
        assert parse_door_path(reference.door_path, reference.pin).name == reference.name
