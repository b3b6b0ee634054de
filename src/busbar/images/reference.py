"""Image names as people write them, and the one full form in which they are stored.

The rules are those of the docker CLI (github.com/distribution/reference): `apache/spark` means
`docker.io/apache/spark:latest`, `debian` means `docker.io/library/debian:latest`.
Next: `layout.py`, where full names point to manifests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from busbar.images.refusals import ImageError, ImageRefusal

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
NAME_LENGTH_MAX = 255

_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]{2,39}\](?::[0-9]{1,5})?"
)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """A full image name: domain and path, and a tag, a digest or both."""

    domain: str
    path: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Domain and path, such as `docker.io/apache/spark`."""
        return f"{self.domain}/{self.path}"

    @property
    def pin(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def locator(self) -> str:
        """Name and pin, never both tag and digest, which skopeo does not accept."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.pin}"

    @property
    def door_path(self) -> str:
        """Name as a path of the cloud's registry door: the colon of a port is no part of a path."""
        return f"{self.domain.replace(':', '_').lower()}/{self.path}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Read an image name; raises `ImageError` (InvalidImageName) with what would be right."""
    rest, digest = _split_digest(text)
    rest, tag = _split_tag(text, rest)
    domain, path = _split_domain(rest)
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path):
        raise _invalid(text, "a name is lower case, such as apache/spark or docker.io/apache/spark")
    if len(domain) + 1 + len(path) > NAME_LENGTH_MAX:
        raise _invalid(text[:60] + "…", f"a name has at most {NAME_LENGTH_MAX} characters")
    if tag is None and digest is None:
        tag = DEFAULT_TAG
    return Reference(domain, path, tag, digest)


def parse_door_path(path: str, pin: str) -> Reference:
    """The inverse of `door_path`, with a tag or a digest; takes docker's short names as well."""
    head, slash, tail = path.partition("/")
    domain, underscore, port = head.rpartition("_")
    if slash and underscore and port.isdigit():
        path = f"{domain}:{port}/{tail}"
    return parse_reference(f"{path}@{pin}" if DIGEST.fullmatch(pin) else f"{path}:{pin}")


def _split_digest(text: str) -> tuple[str, str | None]:
    rest, at, digest = text.partition("@")
    if not at:
        return rest, None
    if not DIGEST.fullmatch(digest):
        raise _invalid(text, "a digest is sha256: and 64 lower-case hexadecimal digits")
    return rest, digest


def _split_tag(text: str, rest: str) -> tuple[str, str | None]:
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        return rest, None
    if not _TAG.fullmatch(tag):
        raise _invalid(text, "a tag has 1 to 128 of the characters A-Z a-z 0-9 _ . -")
    return head, tag


def _split_domain(rest: str) -> tuple[str, str]:
    head, slash, tail = rest.partition("/")
    is_domain = slash and (any(c in head for c in ".:[") or head == "localhost")
    domain, path = (head, tail) if is_domain else (DEFAULT_DOMAIN, rest)
    if domain in ("index.docker.io", "registry-1.docker.io"):
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = f"library/{path}"
    return domain, path


def _invalid(text: str, right: str) -> ImageError:
    return ImageError(
        ImageRefusal.INVALID_REFERENCE, f"{text!r} is not the name of an image: {right}."
    )
