"""Every way an image can be refused, as a closed list. Next: `skopeo.py`, which finds most."""

from __future__ import annotations

from enum import StrEnum


class ImageRefusal(StrEnum):
    """Why there is no image; the value is the reason shown in statuses and exit codes."""

    INVALID_REFERENCE = "InvalidImageName"
    NOT_FOUND = "ImageNotFound"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_FORBIDDEN = "RegistryForbidden"
    UNAUTHORIZED = "ImageUnauthorized"
    DIGEST_MISMATCH = "ImageDigestMismatch"
    INVALID_IMAGE = "InvalidImage"
    UNSAFE_LAYER = "UnsafeImageLayer"
    TOO_LARGE = "ImageTooLarge"
    DISK_FULL = "DiskFull"
    BUILD_FAILED = "ImageBuildFailed"
    TOOL_MISSING = "ToolMissing"

    @property
    def may_pass(self) -> bool:
        """Whether trying again later can help without anybody changing the manifest."""
        return self in (ImageRefusal.REGISTRY_UNREACHABLE, ImageRefusal.DISK_FULL)


class ImageError(Exception):
    """An image that cannot be had: one refusal, one sentence that says what to do."""

    def __init__(self, refusal: ImageRefusal, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = refusal
        self.sentence = sentence
