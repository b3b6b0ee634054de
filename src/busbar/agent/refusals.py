"""Why a Pod cannot run here: a closed list, each with its sentence. Next: `worker.py`.

The words are those that Kubernetes' users know where it has one (ImagePullBackOff's causes,
OOMKilled, DeadlineExceeded); they reach `kubectl describe`, the Job's status and the exit code.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The closed list."""

    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_UNREACHABLE = "ImageUnreachable"
    IMAGE_UNSAFE = "ImageUnsafe"
    SCRIPT_NOT_FOUND = "ScriptNotFound"
    BUCKET_NOT_FOUND = "BucketNotFound"
    BUCKET_UNREACHABLE = "BucketUnreachable"
    VOLUME_NOT_FOUND = "VolumeNotFound"
    INVALID_POD = "InvalidPod"
    RUNTIME_FAILED = "RuntimeFailed"
    DISK_FULL = "DiskFull"
    STALE_EPOCH = "StaleEpoch"
    LEASE_LOST = "LeaseLost"
    AGENT_FAULT = "AgentFault"
    EVICTED = "Evicted"


class PodRefused(Exception):
    """The Pod cannot be run; `retry` says whether waiting may help."""

    def __init__(self, reason: Reason, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry = retry
