"""Names and addresses of a node's Pod network. Pure. Next: `firewall.py`.

Routed, not bridged: each Pod hangs on a pair of its own with a /32 address and the link-local
gateway 169.254.1.1, so that every packet between two Pods passes the node's firewall.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import NamedTuple

GATEWAY = "169.254.1.1"
_RESERVED = 10
"""Addresses at the range's start that no Pod gets."""


class Wire(NamedTuple):
    """One Pod's place in the network."""

    number: int
    interface: str
    """The pair's end on the node."""
    address: str


class Network(NamedTuple):
    """A node's Pod network. `tag` tells agents of one machine apart."""

    tag: str
    cidr: str

    @property
    def prefix(self) -> str:
        """Give what the names of all its interfaces start with."""
        return f"b{self.tag}-"

    @property
    def table(self) -> str:
        """Name its nftables table."""
        return f"busbar_{self.tag}"

    @property
    def size(self) -> int:
        """Give how many Pods fit."""
        return max(0, ipaddress.IPv4Network(self.cidr).num_addresses - _RESERVED - 1)

    def wire(self, number: int) -> Wire:
        """Give the n-th Pod's place."""
        network = ipaddress.IPv4Network(self.cidr)
        return Wire(number, f"{self.prefix}{number:x}", str(network[_RESERVED + number]))


def tag_of(text: str) -> str:
    """Give a short tag for a name; the same name, the same tag."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def tenant_set(namespace: str) -> str:
    """Name the nftables set of a tenant's addresses on a node."""
    return "t_" + hashlib.sha256(namespace.encode()).hexdigest()[:16]
