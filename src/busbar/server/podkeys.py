"""S3 keys of workloads: derived, not stored, and dead as soon as the Pod is.

A node mounts the buckets of the Pods bound to it. It gets no key of the namespace for that, but
one per Pod: id `POD-<uid>`, secret an HMAC of the uid under a key that never leaves the control
plane. The key opens only the buckets that this Pod mounts, and only while the Pod is bound and
not finished; a vendor that keeps it keeps nothing. Next: `access.py`, which looks keys up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import NamedTuple

from busbar.model.objects import Object, annotations_of, namespace_of, spec_of, status_of, uid_of
from busbar.model.wellknown import ANN_CONTRACT, CSI_BUCKET
from busbar.server.pki import write_private

PREFIX = "POD-"


class BucketPod(NamedTuple):
    """A bound, unfinished Pod that mounts buckets."""

    uid: str
    namespace: str
    node: str
    buckets: frozenset[str]
    contract: str = ""
    """The contract that what it moves is billed under."""


def read_bucket_pod(pod: Object) -> BucketPod | None:
    """Read what matters of a Pod; None where it may not open any bucket."""
    node = spec_of(pod).get("nodeName")
    names = frozenset(buckets_of(pod))
    if not node or not names or status_of(pod).get("phase") in ("Succeeded", "Failed"):
        return None
    contract = annotations_of(pod).get(ANN_CONTRACT, "")
    return BucketPod(uid_of(pod), namespace_of(pod), node, names, contract)


def buckets_of(pod: Object) -> list[str]:
    """Give the names of the buckets that a Pod mounts."""
    return [
        (volume["csi"].get("volumeAttributes") or {}).get("bucket") or volume["name"]
        for volume in spec_of(pod).get("volumes") or ()
        if (volume.get("csi") or {}).get("driver") == CSI_BUCKET
    ]


class PodKeys:
    """Derives the key of a Pod."""

    def __init__(self, directory: Path) -> None:
        self._key = load_or_make_key(directory / "podkeys.key")

    def secret(self, pod_uid: str) -> str:
        """Give the secret that belongs to a Pod's access key id."""
        digest = hmac.new(self._key, pod_uid.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:30]).decode()


def load_or_make_key(path: Path) -> bytes:
    """Give the 32 random bytes kept in a file, made at first use."""
    if not path.exists():
        write_private(path, os.urandom(32))
    return path.read_bytes()
