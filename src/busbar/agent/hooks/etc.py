"""/etc/hosts, /etc/hostname and /etc/resolv.conf of a Pod's containers: pure text.

Source: Kubernetes' kubelet (dnsPolicy, dnsConfig, hostAliases, hostname, subdomain). There is no
name service of a cluster here, so ClusterFirst is the machine's own, as with a kubelet that was
given none. Next: `containers.py`; what the machine itself uses comes from `nameservers.py`.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from busbar.agent.hooks.nameservers import Resolver
from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object, name_of, namespace_of, spec_of

NAMESERVERS_MAX = 3
"""What the C library of most images reads; the kubelet leaves out the rest as well."""
_NAME_MAX = 63
_HOSTS = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def etc_files(pod: Object, address: str, machine: Resolver) -> dict[str, str]:
    """Give the files by their name in /etc; `address` is the Pod's."""
    return {
        "hosts": hosts(pod, address),
        "hostname": f"{hostname(pod)}\n",
        "resolv.conf": resolv_conf(resolver(pod, machine)),
    }


def hostname(pod: Object) -> str:
    """Give the name a Pod's containers have for themselves."""
    spec = spec_of(pod)
    name = str(spec.get("hostnameOverride") or spec.get("hostname") or name_of(pod))
    if spec.get("setHostnameAsFQDN") and spec.get("subdomain"):
        name = _full_name(pod, name)
        if len(name) > _NAME_MAX + 1:
            raise PodRefused(
                Reason.INVALID_POD,
                f"spec.setHostnameAsFQDN: {name} is longer than the {_NAME_MAX + 1} characters "
                "that a machine's name may have; choose a shorter hostname or subdomain",
            )
        return name
    return name[:_NAME_MAX].rstrip("-.")


def _full_name(pod: Object, name: str) -> str:
    return f"{name}.{spec_of(pod)['subdomain']}.{namespace_of(pod)}.svc.cluster.local"


def hosts(pod: Object, address: str) -> str:
    """Give /etc/hosts: the machine's own names, the Pod's, and the spec's hostAliases."""
    spec = spec_of(pod)
    name = str(spec.get("hostnameOverride") or spec.get("hostname") or name_of(pod))
    name = name[:_NAME_MAX].rstrip("-.")
    names = f"{_full_name(pod, name)}\t{name}" if spec.get("subdomain") else name
    text = f"{_HOSTS}{address}\t{names}\n"
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        path = f"spec.hostAliases[{index}]"
        given = _address(alias.get("ip") or "", f"{path}.ip")
        words = [_word(word, f"{path}.hostnames") for word in alias.get("hostnames") or ()]
        text += "\t".join([given, *words]) + "\n"
    return text


def resolver(pod: Object, machine: Resolver) -> Resolver:
    """Give whom a Pod asks for names: the machine's servers and the spec's dnsConfig."""
    spec = spec_of(pod)
    own = spec.get("dnsPolicy") == "None"
    base = Resolver() if own else machine
    config: dict[str, Any] = spec.get("dnsConfig") or {}
    path = "spec.dnsConfig"
    servers = [
        _address(server, f"{path}.nameservers[{index}]")
        for index, server in enumerate(config.get("nameservers") or ())
    ]
    if own and not servers:
        raise PodRefused(
            Reason.INVALID_POD,
            "spec.dnsConfig.nameservers: with dnsPolicy None a Pod knows no other; name at least "
            "one, or leave dnsPolicy out",
        )
    searches = [_word(word, f"{path}.searches") for word in config.get("searches") or ()]
    return Resolver(
        _once(base.nameservers, servers)[:NAMESERVERS_MAX],
        _once(base.searches, searches),
        _options(base.options, config.get("options") or (), f"{path}.options"),
    )


def _once(first: tuple[str, ...], then: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))


def _options(base: tuple[str, ...], more: Any, path: str) -> tuple[str, ...]:
    """Merge by name: the spec's wins."""
    found = {option.partition(":")[0]: option for option in base}
    for option in more:
        name = _word(option.get("name") or "", path)
        value = option.get("value")
        found[name] = name if value is None else f"{name}:{_word(value, path)}"
    return tuple(found.values())


def resolv_conf(asked: Resolver) -> str:
    """Give the text of /etc/resolv.conf."""
    lines = [f"search {' '.join(asked.searches)}"] if asked.searches else []
    lines += [f"nameserver {server}" for server in asked.nameservers]
    lines += [f"options {' '.join(asked.options)}"] if asked.options else []
    return "".join(f"{line}\n" for line in lines)


def _address(text: str, path: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise PodRefused(
            Reason.INVALID_POD, f"{path}: {text[:60]!r} is not an IP address; write one"
        ) from None
    return text


def _word(text: str, path: str) -> str:
    if not text or text.split() != [text]:
        raise PodRefused(
            Reason.INVALID_POD, f"{path}: {text[:60]!r} must be one word without spaces"
        )
    return text
