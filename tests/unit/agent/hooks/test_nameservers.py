"""Whom the machine asks for names, as far as a Pod can ask them too."""

from __future__ import annotations

from pathlib import Path

import pytest

from busbar.agent.hooks.nameservers import Resolver, of_machine, parse

RESOLVED = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n"


def told(tmp_path: Path, given: str, behind: str | None = None) -> Resolver:
    (tmp_path / "etc").write_text(given)
    if behind is not None:
        (tmp_path / "run").write_text(behind)
    return of_machine(tmp_path / "etc", tmp_path / "run")


def test_a_resolv_conf_is_read_as_the_c_library_does() -> None:
    text = """
# nameserver 192.0.2.99
; nameserver 192.0.2.98
nameserver 192.0.2.1
nameserver\t192.0.2.2
search first
search a b .
options ndots:2
options rotate
nameserver
"""
    assert parse(text) == Resolver(("192.0.2.1", "192.0.2.2"), ("a", "b"), ("ndots:2", "rotate"))


def test_behind_a_resolver_on_loopback_are_the_servers_it_asks(tmp_path: Path) -> None:
    found = told(tmp_path, RESOLVED, "nameserver 192.0.2.1\nsearch lan\n")
    assert found == Resolver(("192.0.2.1",), ("lan",))


def test_a_reachable_server_is_enough(tmp_path: Path) -> None:
    given = "nameserver 127.0.0.1\nnameserver 192.0.2.7\n"
    assert told(tmp_path, given, "nameserver 192.0.2.1\n").nameservers == ("192.0.2.7",)


@pytest.mark.parametrize(
    "server",
    ["127.0.0.53", "169.254.169.253", "::1", "fe80::1%eth0", "2001:db8::1", "0.0.0.0", "x"],
)
def test_what_no_pod_reaches_is_left_out(tmp_path: Path, server: str) -> None:
    assert told(tmp_path, f"nameserver {server}\nsearch lan\n") == Resolver((), ("lan",))


def test_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        told(tmp_path, RESOLVED)
    assert len(caplog.messages) == 1
    assert "Pods cannot reach 127.0.0.53" in caplog.messages[0]


def test_a_machine_without_any_has_none(tmp_path: Path) -> None:
    assert of_machine(tmp_path / "no", tmp_path / "nor") == Resolver()
