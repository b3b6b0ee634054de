"""Where the cloud listens, and by which names it may be reached. Next: `main.py`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from busbar.server.settings import ServerSettings


class CannotStart(Exception):
    """The cloud cannot start; one sentence says why and what to do."""


def server_names(settings: ServerSettings) -> list[str]:
    """Give every name and address by which clients may reach this machine."""
    names = {"localhost", "127.0.0.1", "kubernetes.default.svc", socket.gethostname()}
    names.update(settings.names)
    if settings.listen in ("0.0.0.0", "::"):
        names.update(local_addresses())
    else:
        names.add(settings.listen)
    return sorted(names)


def local_addresses() -> Iterator[str]:
    """Give this machine's IPv4 addresses."""
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):
                # SIOCGIFADDR: an interface without an address answers with an error.
                answer = fcntl.ioctl(probe.fileno(), 0x8915, request)
                yield socket.inet_ntoa(answer[20:24])


def check_listen(address: str) -> None:
    """Refuse an address that is none of this machine's."""
    try:
        _try_to_bind(address, 0)
    except OSError as error:
        raise CannotStart(
            f"--listen: {address!r} is not an address of this machine ({error.strerror}); "
            "`ip address` shows what it has, 0.0.0.0 stands for all of them"
        ) from None


def check_ports(settings: ServerSettings) -> None:
    """Refuse to start where a port is in use, naming it."""
    check_listen(settings.listen)
    wanted = (
        (settings.listen, settings.api_port, "--api-port"),
        (settings.listen, settings.s3_tls_port, "--s3-tls-port"),
        ("127.0.0.1", settings.s3_port, "--s3-port"),
    )
    for host, port, option in wanted:
        try:
            _try_to_bind(host, port)
        except OSError as error:
            raise CannotStart(
                f"port {port} on {host} cannot be used ({error.strerror}); "
                f"choose another with {option}"
            ) from None


def _try_to_bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(found[0][4])
