"""Where a node asks for an image: the cloud's own registry door first, then the named registry.

A name may lead a node to any address, so registries at private, loopback and link-local addresses
are refused unless the node's owner listed them. Next: `fetch.py`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from busbar.images.reference import Reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.skopeo import Access

LOOKUP_S = 5.0


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent knows about registries."""

    door: str = ""
    """host:port of the cloud's registry door; empty for none."""
    door_certificates: str = ""
    """Directory with ca.crt, client.cert and client.key for the door."""
    door_tls: bool = True
    upstream: bool = True
    """Whether the registry that a name says is asked after the door."""
    private_registries: tuple[str, ...] = ()
    """Registries (host or host:port) that may be at private addresses, as the owner says."""
    insecure_registries: tuple[str, ...] = ()
    """Registries of the owner that speak plain HTTP."""


class Credentials(msgspec.Struct, frozen=True):
    """A user's credentials for the registry that the image's name says."""

    username: str
    password: str


def link_certificates(directory: Path, ca: Path, certificate: Path, key: Path) -> None:
    """Lay a node's TLS files out as skopeo wants them, by links: a renewed file is used at once."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, target in {"ca.crt": ca, "client.cert": certificate, "client.key": key}.items():
        link = directory / name
        link.unlink(missing_ok=True)
        link.symlink_to(target.absolute())


@dataclass(frozen=True)
class Place:
    """One registry that may have the image."""

    label: str
    is_door: bool
    host: str
    source: str
    access: Access = field(repr=False)


def places(reference: Reference, sources: Sources, credentials: Credentials | None) -> list[Place]:
    """The registries to ask, in order. Credentials never go to the door, which needs none."""
    found: list[Place] = []
    if sources.door:
        certificates = Path(sources.door_certificates) if sources.door_certificates else None
        access = Access(cert_dir=certificates, tls_verify=sources.door_tls)
        pin = f"@{reference.digest}" if reference.digest else f":{reference.pin}"
        source = f"docker://{sources.door}/{reference.door_path}{pin}"
        found.append(Place("the cloud's image store", True, sources.door, source, access))
    if sources.upstream:
        access = Access(
            tls_verify=reference.domain not in sources.insecure_registries,
            username=credentials.username if credentials else None,
            password=credentials.password if credentials else None,
        )
        source = f"docker://{reference.locator}"
        found.append(
            Place(f"the registry {reference.domain}", False, reference.domain, source, access)
        )
    return found


def check_address(reference: Reference, sources: Sources) -> None:
    """Refuse a registry inside the owner's network; raises `ImageError`."""
    domain = reference.domain
    if domain in sources.private_registries or "HTTPS_PROXY" in os.environ:
        return
    host = _host(domain)
    addresses = _literal(host) or _look_up(host)
    if not addresses:
        raise ImageError(
            ImageRefusal.REGISTRY_UNREACHABLE, f"The registry {domain} cannot be reached."
        )
    if any(not address.is_global for address in addresses):
        raise ImageError(
            ImageRefusal.REGISTRY_FORBIDDEN,
            f"The registry {domain} is at a private address, which this node does not ask.",
        )


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _host(domain: str) -> str:
    if domain.startswith("["):
        return domain[1:].partition("]")[0]
    return domain.partition(":")[0]


def _literal(host: str) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        return []


def _look_up(host: str) -> list[Address]:
    """Addresses of a name; the resolver has no time limit of its own, so it gets one here."""
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.ip_address("127.0.0.1")]
    found: list[Address] = []

    def resolve() -> None:
        try:
            answers = socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            return
        found.extend(
            ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers
        )

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(LOOKUP_S)
    return list(found)
