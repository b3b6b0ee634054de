"""Who reaches whom: one's own namespace's Pods, and nobody else on the machine."""

from __future__ import annotations

import socket
import subprocess

import pytest
from tests.contract.runtimes.promises import OTHER, UID, pod
from tests.e2e.runtimes.conftest import CONTROL_PLANE, RuncStage

from busbar.agent.network import nft

SERVE = "while :; do echo from-$HOSTNAME | nc -l -p 80; done"


async def server(stage: RuncStage, uid: str, namespace: str) -> str:
    """Run a TCP server in a Pod; gives its address."""
    sandbox = await stage.runtime.prepare(pod(uid, namespace))
    id_ = await stage.start(SERVE + " & while :; do netstat -tln; sleep 0.05; done", uid, namespace)
    await stage.until(lambda: ":80 " in stage.said(uid))
    assert (await stage.runtime.status(id_)).state == "running"  # type: ignore[union-attr]
    return sandbox.address


async def reaches(stage: RuncStage, address: str, port: int, uid: str, namespace: str) -> bool:
    """Whether a Pod can open a TCP connection."""
    script = f"nc -w 1 {address} {port} < /dev/null"
    status, _ = await stage.ended(script, uid, namespace, name="client")
    await stage.runtime.remove(status.id)
    return status.exit_code == 0


async def test_pods_of_one_namespace_reach_each_other(stage: RuncStage) -> None:
    address = await server(stage, OTHER, "xyz")
    assert await reaches(stage, address, 80, UID, "xyz")


async def test_pods_of_different_namespaces_do_not(stage: RuncStage) -> None:
    address = await server(stage, OTHER, "abc")
    assert not await reaches(stage, address, 80, UID, "xyz")


async def test_the_wall_stands_after_the_agents_restart(stage: RuncStage) -> None:
    mine = await server(stage, OTHER, "xyz")
    strangers = await server(stage, "0c0c0c0c-1111-4222-8333-444444444444", "abc")
    await stage.restart()
    assert await reaches(stage, mine, 80, UID, "xyz")
    assert not await reaches(stage, strangers, 80, UID, "xyz")


async def test_a_namespace_that_was_away_comes_back(stage: RuncStage) -> None:
    for _ in range(2):
        address = await server(stage, OTHER, "xyz")
        assert await reaches(stage, address, 80, UID, "xyz")
        await stage.runtime.release(UID)
        await stage.runtime.release(OTHER)
        for path in (stage.logs / OTHER / "main").iterdir():
            path.unlink()


async def test_no_pod_reaches_the_node_or_the_control_plane(stage: RuncStage) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((CONTROL_PLANE, port), 5):
            pass
        for address in (CONTROL_PLANE, "169.254.1.1", "169.254.169.254"):
            assert not await reaches(stage, address, port, UID, "xyz"), address


async def test_a_pod_speaks_with_its_own_address_only(stage: RuncStage) -> None:
    sandbox = await stage.runtime.prepare(pod())
    _, said = await stage.ended("ip -4 -o addr show eth0; ip route")
    assert f"{sandbox.address}/32" in said
    assert "default via 169.254.1.1 dev eth0" in said


async def test_loopback_is_the_pods_own(stage: RuncStage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not await reaches(stage, "127.0.0.1", port, UID, "xyz")


@pytest.mark.parametrize("library", [nft.LIBRARY, "libnosuch.so.1"])
def test_rules_are_applied_all_or_none_by_the_library_and_by_the_program(library: str) -> None:
    apply = nft.opened(library)
    assert (apply is nft.by_program) == (library != nft.LIBRARY)
    assert apply("table inet busbar_test { set one { type ipv4_addr; }; }\n") == ""
    try:
        wrong = "add element inet busbar_test one { 10.0.0.1 }\nadd set inet busbar_none two\n"
        assert "Error" in apply(wrong)
        command = ["nft", "list", "set", "inet", "busbar_test", "one"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "10.0.0.1" not in listed.stdout
    finally:
        assert apply("delete table inet busbar_test\n") == ""
