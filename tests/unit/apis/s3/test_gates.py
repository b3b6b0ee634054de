"""How many large uploads run at once."""

from __future__ import annotations

import asyncio

import pytest

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.gates import Gates

LARGE = 10_000_000


def test_one_namespace_cannot_take_all_places() -> None:
    async def scenario() -> None:
        gates = Gates(uploads_max=3, namespace_uploads_max=2, wait_s_max=0)
        async with gates.upload("a", LARGE), gates.upload("a", LARGE):
            with pytest.raises(S3Error) as refusal:
                async with gates.upload("a", LARGE):
                    pass
            assert refusal.value.code is Code.SlowDown
            async with gates.upload("b", LARGE):
                with pytest.raises(S3Error):
                    async with gates.upload("c", LARGE):
                        pass
                async with gates.upload("c", 10):
                    pass
        async with gates.upload("c", LARGE), gates.upload("c", LARGE):
            pass

    asyncio.run(scenario())


def test_who_waits_goes_on_when_a_place_is_free() -> None:
    async def scenario() -> list[str]:
        gates, order = Gates(1, 1), []

        async def upload(name: str, leave: asyncio.Event) -> None:
            async with gates.upload("a", LARGE):
                order.append(name)
                await leave.wait()

        leave = asyncio.Event()
        tasks = [asyncio.create_task(upload(name, leave)) for name in ("first", "second")]
        await asyncio.sleep(0)
        assert order == ["first"]
        leave.set()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scenario()) == ["first", "second"]
