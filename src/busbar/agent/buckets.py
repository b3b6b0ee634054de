"""Buckets as folders: one s3fs process per mount, which outlives the agent.

s3fs (github.com/s3fs-fuse/s3fs-fuse, Debian's package) keeps running while the agent restarts, and
the agent finds its mounts again by their folder. Secrets go through s3fs's environment, which only
root can read, never through the command line or a file. `_OPTIONS` says why each option is there;
they were measured with Spark, which writes into temporary folders and renames them at commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from busbar.agent import mounts

READY_S = 15.0
ANSWER_S = 5.0
POLL_S = 0.02
PROC = Path("/proc")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Names as S3 has them; anything else could be read as an option."""

_OPTIONS = (
    # The door is no virtual host of every bucket.
    "use_path_request_style",
    # No falling back to the signatures of 2006 where the key is wrong.
    "sigv4",
    # The workload's users are not the one who mounts.
    "allow_other",
    # Objects that other clients put have no mode; all of a bucket belongs to one namespace.
    "umask=0000",
    "mp_umask=0000",
    "nosuid",
    "nodev",
    # Others may change the bucket meanwhile: nobody sees it later than this (seconds).
    "stat_cache_expire=15",
    # Hadoop asks for what does not exist before it makes it, again and again.
    "enable_noobj_cache",
    "multipart_size=16",
    "parallel_count=4",
    "multireq_max=8",
    # A door that is gone is noticed within seconds, and is not asked in a storm.
    "connect_timeout=5",
    "readwrite_timeout=30",
    "retries=3",
    # Written files wait on this machine's disk until they are closed; leave it some room (MiB).
    "ensure_diskfree=512",
)


class BucketRefusal(StrEnum):
    """Why a bucket is not there as a folder."""

    TOOL_MISSING = "ToolMissing"
    NOT_FOUND = "BucketNotFound"
    FORBIDDEN = "BucketForbidden"
    UNREACHABLE = "BucketUnreachable"
    FAILED = "BucketMountFailed"


class BucketError(Exception):
    """A bucket that cannot be mounted: one refusal, one sentence."""

    def __init__(self, refusal: BucketRefusal, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = refusal
        self.sentence = sentence


@dataclass(frozen=True)
class Mount:
    """A bucket that is a folder now; `pid` is the s3fs process."""

    bucket: str
    target: Path
    pid: int


@dataclass(frozen=True)
class Wanted:
    """What to mount, where, and for whom."""

    endpoint: str
    """URL of the S3 door."""
    bucket: str
    access_key: str
    secret_key: str
    target: Path
    scratch: Path
    """Folder on this machine's disk for files that are being written."""
    uid: int | None = None
    """Who owns everything; None for whoever created it, which lets a workload of any user chmod.

    For anybody else s3fs asks this machine for names of users and groups with each access.
    """
    read_only: bool = False
    ca_file: Path | None = None
    """The authority that the door's certificate is checked against; None for the machine's."""


async def mount(wanted: Wanted) -> Mount:
    """Mount a bucket, or adopt the mount that is there; raises `BucketError`."""
    if not _NAME.fullmatch(wanted.bucket):
        raise _not_found(wanted)
    adopted = find(wanted.target)
    if adopted is not None and await healthy(adopted):
        return adopted
    await unmount(wanted.target)
    await _knock(wanted)
    wanted.target.mkdir(parents=True, exist_ok=True)
    wanted.scratch.mkdir(parents=True, exist_ok=True)
    log = wanted.scratch / "s3fs.log"
    process = _start(wanted, log)
    try:
        async with asyncio.timeout(READY_S):
            while not mounts.is_mounted(wanted.target):
                if process.poll() is not None:
                    raise _refusal(wanted, log)
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        process.kill()
        raise _unreachable(wanted) from None
    mounted = Mount(wanted.bucket, wanted.target, process.pid)
    if not await healthy(mounted):
        refusal = _refusal(wanted, log)
        await unmount(wanted.target)
        raise refusal
    return mounted


async def unmount(target: Path) -> None:
    """Take the folder away, even where its s3fs hangs; fine if there is none.

    What the workload has closed is in the bucket: s3fs uploads when a file is closed.
    """
    there = find(target)
    while mounts.is_mounted(target) and mounts.unmount(target):
        pass
    if there is not None:
        await _end(there.pid)


async def healthy(mounted: Mount) -> bool:
    """Whether the folder answers within `ANSWER_S`; asked in a process, which may hang alone."""
    if not _is_s3fs_at(mounted.pid, mounted.target):
        return False
    probe = await asyncio.create_subprocess_exec(
        "stat",
        "--file-system",
        str(mounted.target / "."),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            return await probe.wait() == 0
    except TimeoutError:
        probe.kill()
        return False


def find(target: Path) -> Mount | None:
    """The s3fs process that serves a folder, whoever started it."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and _is_s3fs_at(int(entry.name), target):
            return Mount(_command(int(entry.name))[1], target, int(entry.name))
    return None


async def _knock(wanted: Wanted) -> None:
    """Whether anybody answers at all: s3fs itself takes 12 s to give up."""
    url = urlsplit(wanted.endpoint)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(url.hostname, port)
    except (OSError, TimeoutError):
        raise _unreachable(wanted) from None
    writer.close()


def _start(wanted: Wanted, log: Path) -> subprocess.Popen[bytes]:
    program = shutil.which("s3fs")
    if program is None:
        raise BucketError(
            BucketRefusal.TOOL_MISSING,
            "s3fs is not installed on the node: install it with `apt-get install s3fs`.",
        )
    options = [f"url={wanted.endpoint}", f"tmpdir={wanted.scratch}", *_OPTIONS]
    options += [f"uid={wanted.uid}"] if wanted.uid is not None else []
    options += ["ro"] if wanted.read_only else []
    with open(log, "wb") as output:
        return subprocess.Popen(
            [program, wanted.bucket, str(wanted.target), "-f", "-o", ",".join(options)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            # Its own session: what ends the agent does not end it.
            start_new_session=True,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "AWSACCESSKEYID": wanted.access_key,
                "AWSSECRETACCESSKEY": wanted.secret_key,
                **({"CURL_CA_BUNDLE": str(wanted.ca_file)} if wanted.ca_file else {}),
            },
        )


async def _end(pid: int) -> None:
    """s3fs ends with its last user; one that hangs is ended."""
    with contextlib.suppress(ProcessLookupError):
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.kill(pid, number)
            for _ in range(int(1.0 / POLL_S)):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                os.kill(pid, 0)
                await asyncio.sleep(POLL_S)


def _is_s3fs_at(pid: int, target: Path) -> bool:
    command = _command(pid)
    return len(command) > 3 and os.path.basename(command[0]) == "s3fs" and command[2] == str(target)


def _command(pid: int) -> list[str]:
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0")]


def _refusal(wanted: Wanted, log: Path) -> BucketError:
    said = log.read_text(errors="replace").lower()
    if "not found" in said:
        return _not_found(wanted)
    if "invalid credentials" in said:
        return BucketError(
            BucketRefusal.FORBIDDEN,
            f"The bucket {wanted.bucket} may not be used with the namespace's key.",
        )
    if "unable to connect" in said:
        return _unreachable(wanted)
    return BucketError(
        BucketRefusal.FAILED, f"The bucket {wanted.bucket} cannot be mounted: see {log}."
    )


def _not_found(wanted: Wanted) -> BucketError:
    return BucketError(
        BucketRefusal.NOT_FOUND,
        f"The bucket {wanted.bucket} does not exist: make it with `busbar bucket create`.",
    )


def _unreachable(wanted: Wanted) -> BucketError:
    return BucketError(
        BucketRefusal.UNREACHABLE,
        f"The bucket {wanted.bucket} cannot be mounted: {wanted.endpoint} does not answer.",
    )
