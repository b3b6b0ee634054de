"""/etc/hosts, /etc/hostname and /etc/resolv.conf, as Kubernetes' users know them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import pod

from busbar.agent.hooks.etc import etc_files, hostname, hosts, resolv_conf, resolver
from busbar.agent.hooks.nameservers import Resolver
from busbar.agent.refusals import PodRefused
from busbar.model.objects import Object

MACHINE = Resolver(("192.0.2.53",), ("lan",), ("ndots:1", "edns0"))
ADDRESS = "10.88.0.7"


def asked(**spec: Any) -> Resolver:
    return resolver(pod(**spec), MACHINE)


def named(name: str, **spec: Any) -> Object:
    made = pod(**spec)
    return {**made, "metadata": {**made["metadata"], "name": name}}


@pytest.mark.parametrize("policy", ["Default", "ClusterFirst", "ClusterFirstWithHostNet"])
def test_there_is_no_name_service_of_a_cluster(policy: str) -> None:
    assert asked(dnsPolicy=policy) == MACHINE


def test_a_dns_config_adds_and_its_options_win() -> None:
    config = {
        "nameservers": ["192.0.2.53", "1.1.1.1"],
        "searches": ["ns1.svc.example", "lan"],
        "options": [{"name": "ndots", "value": "5"}, {"name": "rotate"}],
    }
    assert asked(dnsConfig=config) == Resolver(
        ("192.0.2.53", "1.1.1.1"), ("lan", "ns1.svc.example"), ("ndots:5", "edns0", "rotate")
    )


def test_policy_none_takes_nothing_from_the_machine() -> None:
    config = {"nameservers": ["1.1.1.1"], "options": [{"name": "debug"}]}
    found = asked(dnsPolicy="None", dnsConfig=config)
    assert resolv_conf(found) == "nameserver 1.1.1.1\noptions debug\n"


def test_policy_none_without_a_server_is_refused() -> None:
    with pytest.raises(PodRefused, match=r"spec\.dnsConfig\.nameservers"):
        asked(dnsPolicy="None", dnsConfig={"searches": ["x"]})


def test_more_servers_than_are_read_are_left_out() -> None:
    servers = [f"192.0.2.{n}" for n in range(1, 6)]
    assert asked(dnsConfig={"nameservers": servers}).nameservers == (
        "192.0.2.53",
        "192.0.2.1",
        "192.0.2.2",
    )


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"nameservers": ["dns.example"]}, r"nameservers\[0\]"),
        ({"nameservers": ["1.1.1.1\nsearch x"]}, r"nameservers\[0\]"),
        ({"searches": ["a b"]}, "searches"),
        ({"options": [{"name": "a\nb"}]}, "options"),
        ({"options": [{"value": "1"}]}, "options"),
    ],
)
def test_what_would_spoil_the_file_is_refused(config: Any, field: str) -> None:
    with pytest.raises(PodRefused, match=f"spec.dnsConfig.{field}"):
        asked(dnsConfig=config)


def test_the_text_is_what_the_c_library_reads() -> None:
    assert resolv_conf(MACHINE) == "search lan\nnameserver 192.0.2.53\noptions ndots:1 edns0\n"


def test_hosts_know_the_pod_and_its_aliases() -> None:
    aliases = [{"ip": "203.0.113.9", "hostnames": ["db", "db.example"]}]
    text = hosts(pod(hostAliases=aliases), ADDRESS)
    assert text.startswith("127.0.0.1\tlocalhost\n")
    assert f"\n{ADDRESS}\tp\n" in text
    assert text.endswith("203.0.113.9\tdb\tdb.example\n")


@pytest.mark.parametrize(
    "alias", [{"hostnames": ["x"]}, {"ip": "1.2.3"}, {"ip": "1.2.3.4", "hostnames": ["a b"]}]
)
def test_a_wrong_alias_is_refused(alias: Any) -> None:
    with pytest.raises(PodRefused, match=r"spec.hostAliases\[0\]"):
        hosts(pod(hostAliases=[alias]), ADDRESS)


def test_the_hostname_is_the_pods_unless_it_says_another() -> None:
    assert hostname(pod()) == "p"
    assert hostname(pod(hostname="web")) == "web"
    assert hostname(named(f"{'a' * 62}.b")) == "a" * 62
    assert etc_files(pod(hostname="web"), ADDRESS, MACHINE)["hostname"] == "web\n"


def test_a_subdomain_makes_a_full_name() -> None:
    made = pod(hostname="web", subdomain="site")
    assert f"{ADDRESS}\tweb.site.xyz.svc.cluster.local\tweb\n" in hosts(made, ADDRESS)
    assert hostname(made) == "web"
    full = pod(hostname="web", subdomain="site", setHostnameAsFQDN=True)
    assert hostname(full) == "web.site.xyz.svc.cluster.local"


def test_a_full_name_longer_than_the_kernel_takes_is_refused() -> None:
    with pytest.raises(PodRefused, match=r"spec\.setHostnameAsFQDN"):
        hostname(pod(hostname="h" * 60, subdomain="s", setHostnameAsFQDN=True))
