"""The steps of a recipe: each fills an empty directory with what its layer adds.

All need root, as the files belong to the image's own users. Next: `layers.py`, which packs them.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busbar.images.recipe import LayerRecipe, Step
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.tools import Fraction, run_tool

HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
FIRST_TIME = 946684800
"""2000-01-01: the time of everything whose own time says nothing."""


@dataclass(frozen=True)
class Bench:
    """Where a step works: its recipe, an empty directory to fill, what lies below, scratch."""

    recipe: Path
    target: Path
    below: tuple[Path, ...]
    scratch: Path
    downloads: Path
    log: Path


def carry_out(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """Fill `bench.target` with the layer's files."""
    _STEPS[layer.step](layer, bench, report)


def _debian(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """A Debian system of the packages asked for and what they need, by mmdebstrap."""
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(layer.packages)}"] if layer.packages else []
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in layer.exclude]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    command += [
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        "--aptopt=Acquire::Retries 3",
        # Java's packages link their manual pages and fail where the directory is missing.
        '--setup-hook=mkdir -p "$1/usr/share/man/man1"',
        "--verbose",
        layer.suite,
        str(bench.target),
    ]
    run_tool(command, bench.log, done=lambda lines: lines / layer.lines, report=report)
    for name in ("etc/hostname", "etc/resolv.conf"):
        # They are this machine's, not the image's.
        (bench.target / name).unlink(missing_ok=True)
    for directory in ("var/log", "var/cache", "tmp"):
        for path in (bench.target / directory).rglob("*"):
            if path.is_file():
                path.unlink()
    (bench.target / "etc/hosts").write_text(HOSTS)


def _packages(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """Single files out of Debian packages, without the system around them."""
    apt = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *layer.packages]
    command = ["env", "-C", str(bench.scratch), *apt]
    run_tool(command, bench.log, done=lambda lines: lines / layer.lines, report=report)
    unpacked = bench.scratch / "unpacked"
    for package in bench.scratch.glob("*.deb"):
        command = ["dpkg-deb", "-x", str(package), str(unpacked)]
        run_tool(command, bench.log, done=lambda _: 0.5, report=report)
    for inside, outside in layer.place.items():
        _make_parents(bench.target, outside)
        shutil.copy2(unpacked / inside, bench.target / outside)
    for target, names in layer.links.items():
        for name in names:
            _make_parents(bench.target, name)
            (bench.target / name).symlink_to(target)


def _pypi(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """Parts of a source distribution from PyPI, without building it."""
    archive = _downloaded(layer, bench)
    if archive is None:
        _download(layer, bench, report)
        archive = _downloaded(layer, bench)
    if archive is None:
        raise ImageError(
            ImageRefusal.DIGEST_MISMATCH,
            f"{layer.requirement}: what PyPI gave is not the file with sha256 {layer.sha256}.",
        )
    with tarfile.open(archive) as tar:
        for member in tar:
            path = _placed(layer, member)
            if path is not None:
                _write_member(tar, member, bench.target, path)
    archive.unlink()


def _downloaded(layer: LayerRecipe, bench: Bench) -> Path | None:
    for path in bench.downloads.glob("*.tar.gz"):
        with open(path, "rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() == layer.sha256:
                return path
    return None


def _download(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    wanted = bench.scratch / "requirements.txt"
    wanted.write_text(f"{layer.requirement} --hash=sha256:{layer.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary=:all:"]
    command += ["--require-hashes", "--no-cache-dir", "--progress-bar=off"]
    command += ["--requirement", str(wanted), "--dest", str(bench.downloads)]
    environment = {"TMPDIR": str(bench.scratch), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def done(_: int) -> float:
        return 0.8 * _largest_below(bench.scratch) / layer.bytes

    run_tool(command, bench.log, done=done, report=report, env=environment)


def _largest_below(directory: Path) -> int:
    """Size of what pip is downloading: by far the largest file in its temporary directory."""
    largest = 0
    for folder, folders, files in os.walk(directory):
        if len(Path(folder).relative_to(directory).parts) >= 2:
            folders.clear()
        for name in files:
            try:
                largest = max(largest, os.lstat(os.path.join(folder, name)).st_size)
            except FileNotFoundError:
                continue
    return largest


def _placed(layer: LayerRecipe, member: tarfile.TarInfo) -> str | None:
    """Where a member of `name-version/…` goes; None where it is not wanted."""
    inside = member.name.partition("/")[2]
    if any(fnmatch.fnmatch(Path(inside).name, pattern) for pattern in layer.skip):
        return None
    for start, target in layer.place.items():
        if inside == start:
            return target
        if inside.startswith(f"{start}/"):
            return target + inside[len(start) :]
    return None


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, path: str) -> None:
    """Write one regular file. The archive is the one whose digest the recipe names."""
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        return
    _make_parents(target, path)
    with open(target / path, "wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)
        os.fchmod(out.fileno(), 0o755 if member.mode & 0o100 else 0o644)
    os.utime(target / path, (member.mtime, member.mtime))


def _files(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """Files of the recipe, owned by root."""
    source = bench.recipe / layer.source
    for path in sorted(source.rglob("*")):
        place = bench.target / path.relative_to(source)
        if path.is_symlink():
            place.symlink_to(os.readlink(path))
        elif path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, place)
            place.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        os.utime(place, (FIRST_TIME, FIRST_TIME), follow_symlinks=False)
    for name, mode in layer.folders.items():
        folder = bench.target / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(int(mode, 8))
        os.utime(folder, (FIRST_TIME, FIRST_TIME))
    report(1.0)


# Mounts live in a mount namespace of their own: they are gone with the process, however it ends.
_RUN = """
set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" "$MERGED"
mount -t proc proc "$MERGED/proc"
mount -t tmpfs tmpfs "$MERGED/dev"
for name in null zero random urandom; do
  touch "$MERGED/dev/$name"; mount --bind "/dev/$name" "$MERGED/dev/$name"
done
ln -s /proc/self/fd "$MERGED/dev/fd"
mkdir "$MERGED/dev/shm"
mount -t tmpfs tmpfs "$MERGED/tmp"
cp "$SCRIPT" "$MERGED/tmp/script"
chmod 755 "$MERGED/tmp/script"
exec chroot "$MERGED" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin /tmp/script
"""


def _run(layer: LayerRecipe, bench: Bench, report: Fraction) -> None:
    """A script of the recipe, run in what the layers below make; the layer is what it changed."""
    merged, work = bench.scratch / "merged", bench.target.parent / "work"
    merged.mkdir()
    work.mkdir()
    environment = {
        "LOWER": ":".join(str(path) for path in reversed(bench.below)),
        "UPPER": str(bench.target),
        "WORK": str(work),
        "MERGED": str(merged),
        "SCRIPT": str(bench.recipe / layer.script),
    }
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", _RUN]
    run_tool(command, bench.log, done=lambda n: n / layer.lines, report=report, env=environment)
    shutil.rmtree(work)


def _make_parents(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)


_STEPS: dict[Step, Callable[[LayerRecipe, Bench, Fraction], None]] = {
    Step.DEBIAN: _debian,
    Step.PACKAGES: _packages,
    Step.PYPI: _pypi,
    Step.FILES: _files,
    Step.RUN: _run,
}
