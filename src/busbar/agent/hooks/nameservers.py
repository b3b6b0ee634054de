"""Whom this machine asks for names, as far as a Pod can ask them too.

A Pod has a network namespace of its own and IPv4 only, and its packets to loopback and link-local
addresses are refused: a resolver that listens there (systemd-resolved's 127.0.0.53) is no use to
it. systemd-resolved writes whom it asks itself into a second file, which is then the one to read,
as Kubernetes' users tell their kubelet to. Next: `etc.py`.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import cache
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("busbar.agent.nameservers")
RESOLV_CONF = Path("/etc/resolv.conf")
BEHIND_RESOLVED = Path("/run/systemd/resolve/resolv.conf")


class Resolver(NamedTuple):
    """What /etc/resolv.conf says."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def of_machine(path: Path = RESOLV_CONF, behind: Path = BEHIND_RESOLVED) -> Resolver:
    """Give what this machine uses and a Pod can use; says in the log what is left out."""
    given, fallback = parse(_text(path)), parse(_text(behind))
    if fallback.nameservers and not usable(given).nameservers:
        given, path = fallback, behind
    found = usable(given)
    left_out = tuple(s for s in given.nameservers if s not in found.nameservers)
    if left_out or not found.nameservers:
        _say(path, left_out, bool(found.nameservers))
    return found


def parse(text: str) -> Resolver:
    """Read a resolv.conf; of several search lines the last counts, as in the C library."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or line[0] in "#;":
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            searches = tuple(word for word in words[1:] if word != ".")
        elif words[0] == "options":
            options += words[1:]
    return Resolver(tuple(servers), searches, tuple(options))


def usable(given: Resolver) -> Resolver:
    """Leave out the servers that no Pod reaches."""
    return given._replace(nameservers=tuple(s for s in given.nameservers if _is_reachable(s)))


def _is_reachable(server: str) -> bool:
    try:
        address = ipaddress.ip_address(server)
    except ValueError:
        return False
    return address.version == 4 and not (
        address.is_loopback or address.is_link_local or address.is_unspecified
    )


@cache
def _say(path: Path, left_out: tuple[str, ...], some: bool) -> None:
    """Say it once, not with each container."""
    what = f"Pods cannot reach {', '.join(left_out)}" if left_out else "there is no nameserver"
    rest = "left out" if some else "Pods here cannot look up names; put a server of your network in"
    log.warning("%s: %s: %s", path, what, rest)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
