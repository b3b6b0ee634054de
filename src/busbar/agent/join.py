"""Join this machine to a cloud: measure it, ask for a certificate, remember the answer.

The token carries the fingerprint of the cloud's CA, so the first connection is already
authenticated. Next: `main.py`, which then runs the agent.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from busbar.agent import rating, storage
from busbar.agent.certificate import validity
from busbar.agent.keys import key_pem, new_key, request_for
from busbar.agent.machine import address_towards
from busbar.agent.settings import AgentSettings, save, write_atomically
from busbar.model.requests import MOST


class JoinFailed(Exception):
    """The machine could not join; one sentence with what to do next."""

    code = 1
    """How the process ends that joins."""


class JoinMiswritten(JoinFailed):
    """The token or the address is none."""

    code = 2


class CloudUnreachable(JoinFailed):
    """Nobody answers at the address."""

    code = 3


def join(
    server: str,
    token: str,
    directory: Path,
    *,
    name: str = "",
    cpu_milli: int = 0,
    memory_bytes: int = 0,
    ephemeral_bytes: int | None = None,
    pod_cidr: str = "10.88.0.0/16",
    runtime: str = "auto",
    version: str = "",
) -> AgentSettings:
    """Join, and write certificate, CA and settings into the data directory.

    A size that is not stated is measured.
    """
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise JoinMiswritten("the token is not whole; copy all of what `busbar token` printed")
    _address(server)
    name = name or socket.gethostname().lower()
    key = new_key()
    body = {
        "token": token.strip(),
        "csr": request_for(key, name).decode(),
        "name": name,
        "cpuMilli": cpu_milli or _cpus() * 1000,
        "memoryBytes": memory_bytes or _memory(),
        "ephemeralBytes": _storage(directory) if ephemeral_bytes is None else ephemeral_bytes,
        "ratingMicro": rating.measure(time.process_time),
        "osImage": _os_image(),
        "kernel": platform.release(),
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(
            platform.machine(), platform.machine()
        ),
        "address": address_towards(server),
        "runtime": "oci" if runtime == "auto" else runtime,
        "agentVersion": version,
    }
    reply, ca = _post(server, "/join/v1", body, parts[0])
    settings = AgentSettings(
        node=reply["node"],
        server=server.rstrip("/"),
        data=str(directory),
        pod_cidr=pod_cidr,
        runtime=runtime,
        s3_endpoint=reply.get("s3Endpoint", ""),
        vendor=reply.get("vendor", ""),
        region=reply.get("region", ""),
    )
    write_atomically(settings.ca_file, ca)
    write_atomically(settings.key_file, key_pem(key))
    write_atomically(settings.certificate_file, reply["certificate"].encode())
    validity(settings)
    save(settings)
    return settings


def _post(server: str, path: str, body: dict[str, Any], pin: str) -> tuple[dict[str, Any], bytes]:
    """POST to a server whose CA has the pinned fingerprint; gives the reply and that CA."""
    host, port = _address(server)
    ca = _pinned_ca(host, port, pin)
    context = ssl.create_default_context(cadata=ca.decode())
    connection = http.client.HTTPSConnection(host, port, timeout=30, context=context)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        reply = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CloudUnreachable(f"{server} did not answer the join request: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise JoinFailed(str(reply.get("message", f"{server} answered {answer.status}")))
    return reply, ca


def _address(server: str) -> tuple[str, int]:
    parts = urlsplit(server)
    try:
        port = parts.port or 443
    except ValueError:
        port = 0
    if parts.scheme != "https" or not parts.hostname or not port:
        raise JoinMiswritten(f"{server!r} is not an address such as https://cloud.example:6443")
    return parts.hostname, port


def _pinned_ca(host: str, port: int, pin: str) -> bytes:
    """Fetch the cloud's CA without trust, and trust it only if its fingerprint is the token's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=15, context=context)
    try:
        connection.request("GET", "/join/v1/ca")
        pem = connection.getresponse().read(65536)
        der = ssl.PEM_cert_to_DER_cert(pem.decode())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CloudUnreachable(
            f"https://{host}:{port} cannot be reached ({error}); is the cloud up there, "
            "and does a firewall let this machine out?"
        ) from None
    finally:
        connection.close()
    if hashlib.sha256(der).hexdigest()[:16] != pin:
        raise JoinFailed(
            f"https://{host}:{port} is not the cloud that made this token "
            "(its certificate has another fingerprint)"
        )
    return pem


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _memory() -> int:
    """Give what may be sold: all of the memory less a tenth, at least 256 MiB, for the machine."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(total - max(total // 10, 256 << 20))


def _storage(directory: Path) -> int:
    """Give what may be sold of the disk that the data directory is on."""
    return min(storage.sellable_bytes(directory), MOST.ephemeral_bytes)


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def main() -> int:
    """Join as a process of its own.

    SERVER DIRECTORY NAME CPU_MILLI MEMORY_BYTES EPHEMERAL_BYTES CIDR VERSION. The token comes on
    standard input: arguments are for everybody to read.
    """
    server, directory, name, cpu, memory, disk, pod_cidr, version = sys.argv[1:]
    try:
        join(
            server,
            sys.stdin.read(),
            Path(directory),
            name=name,
            cpu_milli=int(cpu),
            memory_bytes=int(memory),
            ephemeral_bytes=int(disk) if disk else None,
            pod_cidr=pod_cidr,
            version=version,
        )
    except JoinFailed as error:
        print(error, file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
