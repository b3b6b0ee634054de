"""A Pod's network: a routed veth pair, an address, and a firewall between tenants.

`plan.py` says what to make (pure), `firewall.py` writes the
nftables rules, `worker.py` is the short-lived process that speaks netlink (pyroute2): its library
would double the agent's memory, and it is needed for moments only. `network.py` is what the agent
uses.
"""
