"""The nftables rules of a node: who of its Pods may talk to whom. Pure text. Next: `worker.py`.

- A Pod sends from its own address only.
- Pods of one namespace reach each other; Pods of different namespaces do not.
- No Pod reaches the node, the agent, the cloud's control plane, link-local or loopback addresses
  (and so no metadata service).
- Out into the world: yes, behind the node's address. In from the world: only answers.

Only packets of this agent's own interfaces are judged: other rules of the machine stay as they are.
"""

from __future__ import annotations

from busbar.agent.network.plan import Network, tenant_set


def base_rules(network: Network, refused: tuple[str, ...]) -> str:
    """Give the rules that hold before any Pod; replaces what was there. `refused`: addresses."""
    ours = f'"{network.prefix}*"'
    targets = ", ".join(sorted({"169.254.0.0/16", "127.0.0.0/8", *refused}))
    return f"""
table inet {network.table}
delete table inet {network.table}
table inet {network.table} {{
  set bound {{ typeof iifname . ip saddr; }}
  set refused {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {targets} }}; }}
  chain tenants {{ }}
  chain judge {{
    ct state established,related accept
    iifname {ours} meta nfproto ipv6 drop
    iifname {ours} iifname . ip saddr != @bound drop
    iifname {ours} oifname {ours} jump tenants
    iifname {ours} ip daddr @refused drop
    iifname {ours} oifname != {ours} accept
    drop
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname {ours} jump judge
    oifname {ours} jump judge
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname {ours} ct state established,related accept
    iifname {ours} drop
  }}
  chain out {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {network.cidr} oifname != {ours} masquerade
  }}
}}
"""


def bind(network: Network, interface: str, address: str) -> str:
    """Give the rule that lets an interface send from an address."""
    return f'add element inet {network.table} bound {{ "{interface}" . {address} }}\n'


def admit(network: Network, namespace: str, address: str, *, is_new: bool) -> str:
    """Give the rules that put an address among its tenant's; `is_new`: the first of it."""
    name, table = tenant_set(namespace), f"inet {network.table}"
    rules = ""
    if is_new:
        rules += f"add set {table} {name} {{ type ipv4_addr; }}\n"
        rules += f"add rule {table} tenants ip saddr @{name} ip daddr @{name} accept\n"
    return rules + f"add element {table} {name} {{ {address} }}\n"


def expel(network: Network, namespace: str, interface: str, address: str) -> str:
    """Give the rules that take a Pod's address out again."""
    table = f"inet {network.table}"
    return (
        f"delete element {table} {tenant_set(namespace)} {{ {address} }}\n"
        f'delete element {table} bound {{ "{interface}" . {address} }}\n'
    )
