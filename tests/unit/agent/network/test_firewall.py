"""Names, addresses and rules of a node's Pod network."""

from __future__ import annotations

from busbar.agent.network.firewall import admit, base_rules, expel
from busbar.agent.network.plan import Network, tag_of, tenant_set

NETWORK = Network("abc123", "10.88.0.0/28")


def test_places_do_not_overlap_and_end_before_the_broadcast_address() -> None:
    addresses = [NETWORK.wire(number).address for number in range(NETWORK.size)]
    assert addresses == ["10.88.0.10", "10.88.0.11", "10.88.0.12", "10.88.0.13", "10.88.0.14"]


def test_interface_names_fit_in_the_kernels_fifteen_characters() -> None:
    large = Network(tag_of("x"), "10.80.0.0/12")
    assert len(large.wire(large.size - 1).interface) <= 15


def test_a_namespaces_own_pods_come_before_the_refused_range() -> None:
    """The Pod range itself is refused: other nodes' Pods are nobody's neighbours."""
    rules = base_rules(NETWORK, ("10.88.0.0/28", "192.0.2.1"))
    assert rules.index("jump tenants") < rules.index("ip daddr @refused drop")
    assert rules.index("@bound drop") < rules.index("jump tenants")
    assert "169.254.0.0/16" in rules
    assert "192.0.2.1" in rules


def test_a_tenants_rule_is_made_once() -> None:
    first = admit(NETWORK, "xyz", "10.88.0.10", is_new=True)
    assert first.count("accept") == 1
    assert "accept" not in admit(NETWORK, "xyz", "10.88.0.11", is_new=False)
    assert tenant_set("xyz") in expel(NETWORK, "xyz", "i", "10.88.0.10")


def test_tenants_names_cannot_be_forged() -> None:
    assert tenant_set("a") != tenant_set("b")
    assert tenant_set("x; flush ruleset").isidentifier()
