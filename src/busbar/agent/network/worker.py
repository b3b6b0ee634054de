"""The process that speaks netlink for the agent: a JSON line in, a JSON line out.

Started when there is something to do, ended by the agent a little after the last of it: netlink's
library would double the agent's memory, and most of the time nobody needs it.

Requests: {"do": "wire", "interface", "address", "netns"}, {"do": "unwire", "interface"},
{"do": "interfaces", "prefix"}, {"do": "forwarding"}. Answers: {} or {"error": sentence}.
Next: `network.py`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, NetNS
from pyroute2.netlink.exceptions import NetlinkError

from busbar.agent.network.plan import GATEWAY

_NO_SUCH_DEVICE = 19
_EXISTS = 17


def wire(ip: IPRoute, request: dict[str, Any]) -> dict[str, Any]:
    """Join a Pod's network namespace to the node by a pair of interfaces."""
    outside, address = request["interface"], request["address"]
    # One of this name belongs to an earlier namespace that the kernel is still taking down.
    unwire(ip, request)
    descriptor = os.open(request["netns"], os.O_RDONLY)
    try:
        peer = {"ifname": "eth0", "net_ns_fd": descriptor}
        ip.link("add", ifname=outside, kind="veth", peer=peer)
    finally:
        os.close(descriptor)
    index = ip.link_lookup(ifname=outside)[0]
    ip.link("set", index=index, state="up")
    _fine_if_there(ip.addr, "add", index=index, address=GATEWAY, prefixlen=32)
    ip.route("replace", dst=f"{address}/32", oif=index)
    with NetNS(request["netns"]) as inside:
        loopback = inside.link_lookup(ifname="lo")[0]
        inside.link("set", index=loopback, state="up")
        eth0 = inside.link_lookup(ifname="eth0")[0]
        _fine_if_there(inside.addr, "add", index=eth0, address=address, prefixlen=32)
        inside.link("set", index=eth0, state="up")
        inside.route("replace", dst=f"{GATEWAY}/32", oif=eth0, scope="link")
        inside.route("replace", dst="default", gateway=GATEWAY, oif=eth0)
    return {}


def _fine_if_there(call: Any, *arguments: Any, **options: Any) -> None:
    try:
        call(*arguments, **options)
    except NetlinkError as error:
        if error.code != _EXISTS:
            raise


def unwire(ip: IPRoute, request: dict[str, Any]) -> dict[str, Any]:
    """Remove a pair; fine if it is gone."""
    for index in ip.link_lookup(ifname=request["interface"]):
        try:
            ip.link("del", index=index)
        except NetlinkError as error:
            if error.code != _NO_SUCH_DEVICE:
                raise
    return {}


def interfaces(ip: IPRoute, request: dict[str, Any]) -> dict[str, Any]:
    """List the interfaces whose names start with a prefix."""
    names = [link.get_attr("IFLA_IFNAME") for link in ip.get_links()]
    return {"interfaces": [name for name in names if name.startswith(request["prefix"])]}


def forwarding(_: IPRoute, request: dict[str, Any]) -> dict[str, Any]:
    """Let this network namespace pass packets on."""
    del request
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return {}


_DOES = {
    "wire": wire,
    "unwire": unwire,
    "interfaces": interfaces,
    "forwarding": forwarding,
}


def main() -> None:
    """Serve requests from standard input until its end."""
    with IPRoute() as ip:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                answer = _DOES[request["do"]](ip, request)
            except (NetlinkError, OSError, LookupError) as error:
                answer = {"error": f"{request['do']}: {error!r}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
