"""Runs skopeo, the tool that speaks to registries and archives, and reads its errors.

Never hangs: a copy that moves no byte for `STALL_S` is stopped. Next: `store.py`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from busbar.images.refusals import ImageError, ImageRefusal

ANSWER_S = 20.0
STALL_S = 30.0
POLL_S = 0.1
IMAGE_BYTES_MAX = 64 << 30

Progress = Callable[[int], None]
"""Called with the bytes that have arrived so far."""

_ERRORS: tuple[tuple[str, ImageRefusal, str], ...] = (
    (r"no space left on device|disk quota exceeded", ImageRefusal.DISK_FULL, "the disk is full"),
    (
        r"digest did not match|does not match digest|doesn't match.*digest|digest mismatch"
        r"|did not match expected|not match.* digest",
        ImageRefusal.DIGEST_MISMATCH,
        "what arrived does not have the digest that was promised",
    ),
    (
        r"unauthorized|authentication required|access to the resource is denied|forbidden"
        r"|status.* 40[13]\b|invalid username/password",
        ImageRefusal.UNAUTHORIZED,
        "it does not exist there or needs credentials",
    ),
    (
        r"manifest unknown|name unknown|not found|no such file|no image found|status.* 404\b",
        ImageRefusal.NOT_FOUND,
        "it does not exist there",
    ),
    (
        r"no such host|connection refused|i/o timeout|unreachable|handshake|x509|deadline exceeded"
        r"|connection reset|no route|server misbehaving|\bEOF\b|status.* 5\d\d\b|toomanyrequests",
        ImageRefusal.REGISTRY_UNREACHABLE,
        "the registry cannot be reached",
    ),
)


@dataclass(frozen=True)
class Access:
    """How to reach a registry: TLS files in `cert_dir` (ca.crt, client.cert, client.key)."""

    cert_dir: Path | None = None
    tls_verify: bool = True
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @contextlib.contextmanager
    def flags(self, host: str, prefix: str = "") -> Iterator[list[str]]:
        """Flags for skopeo; credentials go through a file, never through the command line."""
        flags = [] if self.tls_verify else [f"--{prefix}tls-verify=false"]
        if self.cert_dir is not None:
            flags += [f"--{prefix}cert-dir", str(self.cert_dir)]
        if self.username is None:
            yield [*flags, f"--{prefix}no-creds"]
            return
        with tempfile.NamedTemporaryFile("w", prefix="busbar-auth-", suffix=".json") as auth:
            auth.write(_auth_file(host, self.username, self.password or ""))
            auth.flush()
            yield [*flags, "--authfile", auth.name]


ANONYMOUS = Access()


def copy(
    source: str,
    target: str,
    flags: list[str],
    *,
    watch: Path,
    on_bytes: Progress | None = None,
    stall_s: float = STALL_S,
    bytes_max: int = IMAGE_BYTES_MAX,
) -> None:
    """`skopeo copy` one image; `watch` is the directory whose growth shows progress."""
    command = [*_base(watch), "copy", "--quiet", *flags, source, target]
    errors = watch.parent / f"{watch.name}.stderr"
    with open(errors, "wb") as stderr:
        process = _start(command, stderr)
        try:
            stopped = _await_copy(process, watch, on_bytes, stall_s, bytes_max)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    message = errors.read_bytes().decode(errors="replace")
    errors.unlink(missing_ok=True)
    if stopped is not None:
        raise ImageError(stopped, f"{_plain(source)}: {_SENTENCES[stopped]}.")
    if process.returncode != 0:
        raise _refusal(source, message)


def inspect_raw(source: str, flags: list[str], *, answer_s: float = ANSWER_S) -> bytes:
    """The manifest (or list of manifests) of `source`, byte for byte."""
    command = [*_base(None), "inspect", "--raw", *flags, source]
    process = _start(command, subprocess.PIPE, subprocess.PIPE)
    try:
        out, errors = process.communicate(timeout=answer_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise ImageError(
            ImageRefusal.REGISTRY_UNREACHABLE,
            f"{_plain(source)}: {_SENTENCES[ImageRefusal.REGISTRY_UNREACHABLE]}.",
        ) from None
    if process.returncode != 0:
        raise _refusal(source, errors.decode(errors="replace"))
    return bytes(out)


def size_of(manifest: bytes) -> int:
    """Bytes of all layers, as far as the manifest says; 0 for a list of manifests."""
    try:
        layers = json.loads(manifest).get("layers", ())
        return sum(int(layer["size"]) for layer in layers)
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0


_SENTENCES: Mapping[ImageRefusal, str] = {
    ImageRefusal.REGISTRY_UNREACHABLE: "the registry cannot be reached or has stopped answering",
    ImageRefusal.TOO_LARGE: "the image is larger than this machine accepts",
}


def _await_copy(
    process: subprocess.Popen[bytes],
    watch: Path,
    on_bytes: Progress | None,
    stall_s: float,
    bytes_max: int,
) -> ImageRefusal | None:
    """Wait for the end of a copy; gives the refusal for which it had to be stopped."""
    seen, moved_at = -1, time.monotonic()
    waiter = threading.Thread(target=process.wait, daemon=True)
    waiter.start()
    while waiter.is_alive():
        waiter.join(POLL_S)
        size = _bytes_below(watch)
        if size != seen:
            seen, moved_at = size, time.monotonic()
            if on_bytes is not None:
                on_bytes(size)
        if size > bytes_max:
            return ImageRefusal.TOO_LARGE
        if time.monotonic() - moved_at > stall_s:
            return ImageRefusal.REGISTRY_UNREACHABLE
    return None


def _bytes_below(directory: Path) -> int:
    total = 0
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def _base(watch: Path | None) -> list[str]:
    tmp = ["--tmpdir", str(watch)] if watch is not None else []
    # It ends with the process that waits for it, however that ends.
    return ["setpriv", "--pdeathsig", "KILL", "skopeo", "--insecure-policy", *tmp]


def _start(
    command: list[str], stderr: IO[bytes] | int, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        # The machine's own rewrites of registry names must not change what a name means here.
        "CONTAINERS_REGISTRIES_CONF": "/dev/null",
    }
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
        )
    except FileNotFoundError:
        raise ImageError(
            ImageRefusal.TOOL_MISSING,
            "skopeo is not installed: install it with `apt-get install skopeo`.",
        ) from None


def _refusal(source: str, message: str) -> ImageError:
    for pattern, refusal, clause in _ERRORS:
        if re.search(pattern, message, re.IGNORECASE):
            return ImageError(refusal, f"{_plain(source)}: {clause}.")
    return ImageError(
        ImageRefusal.INVALID_IMAGE, f"{_plain(source)} is not an image that can be read."
    )


def _plain(source: str) -> str:
    """`docker://host/name:tag` as a person writes it."""
    return source.removeprefix("docker://")


def _auth_file(host: str, username: str, password: str) -> str:

    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    hosts = [host, "https://index.docker.io/v1/"] if host == "docker.io" else [host]
    return json.dumps({"auths": {name: {"auth": token} for name in hosts}})
