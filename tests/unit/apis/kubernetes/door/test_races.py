"""Two who write at once: nothing is lost, and who insisted on a revision is told."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key
from busbar.store.contract import Delete, Put, Transaction

CMS = "/api/v1/namespaces/alpha/configmaps"
KEY = Key("", "configmaps", "alpha", "a")


@pytest.fixture
def rival(cloud: Any) -> Any:
    """Somebody whose write lands just before the next commits, as often as asked."""
    store = cloud.app.door.store
    commit = store.commit

    class Rival:
        def __init__(self) -> None:
            self.writes = 0
            self.times = 0
            self.op: Any = None

        def strikes(self, times: int = 1, op: Any = None) -> None:
            self.times, self.op = times, op

        async def commit(self, transaction: Transaction) -> Any:
            if self.times:
                self.times -= 1
                self.writes += 1
                await commit(Transaction((self.op or await self._write(),)))
            return await commit(transaction)

        async def _write(self) -> Put:
            now = await store.get(KEY)
            data = {**now.get("data", {}), "rival": str(self.writes)}
            return Put(KEY, {**now, "data": data})

    made = Rival()
    store.commit = made.commit
    return made


@pytest.fixture
def held(operator: Any, rival: Any) -> dict[str, Any]:
    body = {"metadata": {"name": "a"}, "data": {"x": "0"}}
    return dict(operator.post(CMS, body).json)


def test_a_patch_is_made_again_on_what_the_rival_left(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(3)
    reply = operator.merge(f"{CMS}/a", {"data": {"x": "1"}})
    assert (reply.status, reply.json["data"]) == (200, {"x": "1", "rival": "3"})


def test_a_patch_is_not_tried_for_ever(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(1000)
    reply = operator.merge(f"{CMS}/a", {"data": {"x": "1"}})
    assert (reply.status, reply.json["reason"]) == (409, "Conflict")
    assert rival.writes < 20


def test_a_patch_that_names_a_revision_loses(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(1)
    version = held["metadata"]["resourceVersion"]
    body = {"metadata": {"resourceVersion": version}, "data": {"x": "1"}}
    assert operator.merge(f"{CMS}/a", body).status == 409


def test_a_replacement_that_names_a_revision_loses(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(1)
    assert operator.put(f"{CMS}/a", {**held, "data": {"x": "1"}}).status == 409
    assert operator.get(f"{CMS}/a").json["data"] == {"x": "0", "rival": "1"}


def test_a_replacement_that_names_none_wins(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(1)
    body = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    assert operator.put(f"{CMS}/a", body).json["data"] == {"x": "1"}


def test_a_delete_takes_what_is_there(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(2)
    assert operator.delete(f"{CMS}/a").status == 200
    assert operator.get(f"{CMS}/a").status == 404


def test_what_vanished_meanwhile_is_not_found(operator: Any, held: Any, rival: Any) -> None:
    rival.strikes(1, Delete(KEY))
    assert operator.merge(f"{CMS}/a", {"data": {"x": "1"}}).status == 404


def test_a_generated_name_that_is_taken_is_generated_again(
    cloud: Any, operator: Any, rival: Any
) -> None:
    uids = iter(["00000000-0000-4000-8000-000000000000"] * 3)

    def new_uid() -> str:
        return next(uids, "10000000-0000-4000-8000-000000000001")

    object.__setattr__(cloud.app.door, "new_uid", new_uid)
    body = {"metadata": {"generateName": "run-"}}
    first, second = operator.post(CMS, body).json, operator.post(CMS, body).json
    assert first["metadata"]["name"] != second["metadata"]["name"]


def test_nothing_is_created_in_a_namespace_that_is_ending(
    cloud: Any, operator: Any, rival: Any
) -> None:
    key = Key("", "namespaces", "", "alpha")
    namespace = cloud.run(cloud.store.get(key))
    ending = {**namespace["metadata"], "deletionTimestamp": "2026-11-22T12:00:00Z"}
    rival.strikes(1, Put(key, {**namespace, "metadata": ending}))
    refused = operator.post(CMS, {"metadata": {"name": "late"}})
    assert refused.status == 403
    assert "being terminated" in refused.json["message"]
