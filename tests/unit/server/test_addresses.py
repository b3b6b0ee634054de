"""Where the cloud listens: what cannot be is refused by the option that says so."""

from __future__ import annotations

import socket

import pytest

from busbar.server.addresses import CannotStart, check_ports, server_names
from busbar.server.settings import ServerSettings


def test_an_address_of_another_machine_is_the_fault_of_listen() -> None:
    with pytest.raises(CannotStart, match=r"^--listen: '192\.0\.2\.1' is not an address of this"):
        check_ports(ServerSettings(listen="192.0.2.1", api_port=0, s3_port=0, s3_tls_port=0))


@pytest.mark.parametrize("option", ["api_port", "s3_tls_port", "s3_port"])
def test_a_port_in_use_is_named_with_its_option(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = {"api_port": 0, "s3_port": 0, "s3_tls_port": 0}
        settings = ServerSettings(listen="127.0.0.1", **{**free, option: port})  # type: ignore[arg-type]
        said = f"port {port} on 127.0.0.1 .* choose another with --{option.replace('_', '-')}$"
        with pytest.raises(CannotStart, match=said):
            check_ports(settings)


def test_a_narrow_address_is_among_the_names() -> None:
    assert "127.0.0.9" in server_names(ServerSettings(listen="127.0.0.9", names=["cloud.test"]))
