"""The right to run: the agent gives up before the cloud does, in every order of messages."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.agent.conftest import Node, SetClock

from busbar.agent.api import ApiRefused, Unreachable
from busbar.agent.lease import NodeLease
from busbar.model.objects import Object


async def test_there_is_no_right_before_the_first_renewal(node: Node) -> None:
    assert not node.lease.is_live()
    assert node.lease.seconds_left() == 0


async def test_it_lasts_its_time_and_no_longer(node: Node) -> None:
    await node.lease.renew()
    node.clock.advance(19.9)
    assert node.lease.is_live()
    node.clock.advance(0.1)
    assert not node.lease.is_live()


async def test_the_agent_counts_from_before_it_sent(node: Node) -> None:
    """However long the message took: the cloud counts from its arrival, so it ends later."""
    slow = node.api.patch

    async def patch(path: str, body: Object, kind: str = "") -> Object:
        node.clock.advance(8)
        return await slow(path, body, kind)

    node.api.patch = patch  # type: ignore[method-assign]
    await node.lease.renew()
    assert node.lease.seconds_left() == pytest.approx(12)


async def test_an_unanswered_renewal_prolongs_nothing(node: Node) -> None:
    await node.lease.renew()
    node.clock.advance(15)
    node.api.is_reachable = False
    with pytest.raises(Unreachable):
        await node.lease.renew()
    node.clock.advance(5)
    assert not node.lease.is_live()


async def test_the_time_of_day_does_not_matter(node: Node) -> None:
    class Jumping(SetClock):
        def now(self) -> int:
            return 0

    clock = Jumping()
    lease = NodeLease(node.api, clock)  # type: ignore[arg-type]
    await lease.renew()
    clock.advance(19)
    assert lease.is_live()


async def test_a_missing_lease_is_made(node: Node) -> None:
    async def missing(path: str, body: Object, kind: str = "") -> Object:
        raise ApiRefused(404, "NotFound", "no such lease")

    node.api.patch = missing  # type: ignore[method-assign]
    await node.lease.renew()
    verb, path, body = node.api.told[-1]
    assert (verb, path.rsplit("/", 1)[1]) == ("POST", "leases")
    assert body["spec"]["holderIdentity"] == "n1"
    assert body["spec"]["leaseDurationSeconds"] == 20
    assert node.lease.is_live()


async def test_a_refused_renewal_is_none(node: Node) -> None:
    node.api.refused["leases"] = ApiRefused(403, "Forbidden", "revoked")
    with pytest.raises(ApiRefused):
        await node.lease.renew()
    assert not node.lease.is_live()


async def test_another_life_of_the_agent_has_what_is_left(node: Node) -> None:
    await node.lease.renew()
    node.clock.advance(15)
    await node.die()
    assert node.lease.seconds_left() == pytest.approx(5)


@pytest.mark.parametrize("text", ["", "x", "1e9", "99999999 another-boot"])
async def test_what_a_file_of_another_boot_says_is_nothing(node: Node, text: str) -> None:
    node.settings.lease_file.write_text(text)
    await node.die()
    assert not node.lease.is_live()


async def test_a_change_is_told_once(node: Node) -> None:
    told: list[bool] = []
    task = asyncio.create_task(node.lease.keep(told.append))
    await node.until(lambda: told == [True])
    task.cancel()
    node.clock.advance(30)
    node.api.is_reachable = False
    keeping = asyncio.create_task(node.lease.keep(told.append))
    await asyncio.sleep(0.01)
    keeping.cancel()
    assert told == [True]  # A life that begins without it has nothing to tell.


async def test_each_win_is_a_reprieve_and_a_renewal_is_none(node: Node) -> None:
    born = node.lease.reprieves
    await node.lease.renew()
    await node.lease.renew()
    assert node.lease.reprieves == born + 1
    node.clock.advance(20)
    await node.lease.renew()
    assert node.lease.reprieves == born + 2


async def test_a_lease_lost_and_won_between_two_looks_is_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    naps = iter([30.0])

    async def sleep(seconds: float) -> None:
        node.clock.advance(next(naps))

    monkeypatch.setattr("busbar.agent.lease.asyncio.sleep", sleep)
    with pytest.raises(RuntimeError):  # The naps have run out.
        await node.lease.keep(told.append)
    assert told == [True, True]
