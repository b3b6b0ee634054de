"""Logs through the relay: the agent dials in, requests go the way back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from busbar.apis.kubernetes.relay import AgentRelay
from busbar.model.objects import Key, Object

POD = "/api/v1/namespaces/alpha/pods/p"
REQUESTS = "/agent/v1/nodes/n1/requests"


def pod(node: str = "n1", containers: tuple[str, ...] = ("main",), **meta: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "alpha", "uid": "u", **meta},
        "spec": {"nodeName": node, "containers": [{"name": c, "image": "i"} for c in containers]},
        "status": {"phase": "Running"},
    }


@pytest.fixture
def bound(cloud: Any) -> Any:
    cloud.put(pod(), Key("", "pods", "alpha", "p"))
    return cloud


class Agent:
    """A node's agent: holds its request line, answers with uploads."""

    def __init__(self, cloud: Any, node: str = "n1") -> None:
        self.cloud = cloud
        self.client = cloud.client(node)
        self.node = node
        connection, task = self.client.open("GET", f"/agent/v1/nodes/{node}/requests")
        self.connection, self.task = connection, task
        assert self._take()["status"] == 200
        assert self._take()["body"] == b"\n"

    def _take(self) -> dict[str, Any]:
        return self.cloud.run(asyncio.wait_for(self.connection.outbox.get(), 5))

    def request(self) -> dict[str, Any]:
        return json.loads(self._take()["body"])

    def upload(self, request_id: str) -> tuple[Any, asyncio.Task[None]]:
        """Open an upload whose body the test feeds piece by piece."""
        path = f"/agent/v1/nodes/{self.node}/streams/{request_id}"
        connection, task = self.client.open("POST", path)
        connection.inbox.get_nowait()
        return connection, task

    def hang_up(self) -> None:
        self.connection.hang_up()
        self.cloud.run(asyncio.wait({self.task}, timeout=5))


def piece(data: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def read_log(cloud: Any, who: str = "alice", **query: Any) -> tuple[Any, asyncio.Task[None]]:
    opened = cloud.client(who).open("GET", f"{POD}/log", **query)
    cloud.run(asyncio.sleep(0))
    return opened


def taken(cloud: Any, connection: Any) -> Any:
    return cloud.run(asyncio.wait_for(connection.outbox.get(), 5))


def test_a_log_comes_as_the_agent_sends_it(bound: Any) -> None:
    agent = Agent(bound)
    reader, done = read_log(bound, tailLines=10, timestamps="true", follow="true")
    request = agent.request()
    assert request["namespace"] == "alpha"
    assert (request["kind"], request["pod"], request["uid"]) == ("logs", "p", "u")
    assert (request["container"], request["tailLines"]) == ("main", 10)
    assert (request["timestamps"], request["follow"]) == (True, True)
    upload, finished = agent.upload(request["id"])
    upload.inbox.put_nowait(piece(b"one\n"))
    assert taken(bound, reader)["status"] == 200
    assert taken(bound, reader)["body"] == b""
    assert taken(bound, reader)["body"] == b"one\n"
    upload.inbox.put_nowait(piece(b"two\n", more=False))
    assert taken(bound, reader)["body"] == b"two\n"
    assert taken(bound, reader)["more_body"] is False
    bound.run(asyncio.wait_for(asyncio.gather(done, finished), 5))
    agent.hang_up()


def test_a_reader_that_leaves_ends_the_upload(bound: Any) -> None:
    agent = Agent(bound)
    reader, done = read_log(bound, follow="true")
    upload, finished = agent.upload(agent.request()["id"])
    upload.inbox.put_nowait(piece(b"one\n"))
    for _ in range(3):
        taken(bound, reader)
    reader.hang_up()
    bound.run(asyncio.wait_for(asyncio.gather(done, finished), 5))
    headers = dict(taken(bound, upload)["headers"])
    assert headers[b"connection"] == b"close"
    agent.hang_up()


def test_a_slow_reader_slows_the_agent_down(bound: Any) -> None:
    agent = Agent(bound)
    reader, done = read_log(bound)
    upload, finished = agent.upload(agent.request()["id"])
    reader.takes.clear()
    for _ in range(100):
        upload.inbox.put_nowait(piece(b"x" * 1000))

    async def settle() -> None:
        for _ in range(500):
            await asyncio.sleep(0)

    bound.run(settle())
    assert upload.inbox.qsize() > 80
    upload.inbox.put_nowait(piece(b"", more=False))
    reader.takes.set()
    bound.run(asyncio.wait_for(asyncio.gather(done, finished), 5))
    total = 0
    while not reader.outbox.empty():
        total += len(reader.outbox.get_nowait().get("body", b""))
    assert total == 100_000
    agent.hang_up()


def test_no_more_than_the_limit_is_passed_on(bound: Any) -> None:
    agent = Agent(bound)
    reader, done = read_log(bound, limitBytes=3)
    upload, _ = agent.upload(agent.request()["id"])
    upload.inbox.put_nowait(piece(b"abcdef"))
    bound.run(asyncio.wait_for(done, 5))
    bodies = []
    while not reader.outbox.empty():
        bodies.append(reader.outbox.get_nowait().get("body", b""))
    assert b"".join(bodies) == b"abc"
    agent.hang_up()


def test_a_node_that_is_not_connected_is_named(bound: Any) -> None:
    reply = bound.client("alice").get(f"{POD}/log")
    assert reply.status == 503
    assert "node n1 is not connected" in reply.json["message"]
    agent = Agent(bound)
    agent.hang_up()
    assert bound.client("alice").get(f"{POD}/log").status == 503


def test_an_agent_may_say_why_there_is_no_log(bound: Any) -> None:
    agent = Agent(bound)
    reader, done = read_log(bound, previous="true")
    path = f"/agent/v1/nodes/n1/streams/{agent.request()['id']}"
    refusal = {"code": 400, "message": "previous terminated container main not found"}
    assert agent.client.post(path, refusal).status == 200
    bound.run(asyncio.wait_for(done, 5))
    assert taken(bound, reader)["status"] == 400
    agent.hang_up()


def test_an_agent_that_does_not_answer_is_not_waited_for_for_ever(bound: Any) -> None:
    relay = AgentRelay(lambda: "id", answer_seconds=0.01)
    object.__setattr__(bound.app.door, "logs", relay)
    agent = Agent(bound)
    reader, done = read_log(bound)
    agent.request()
    bound.run(asyncio.wait_for(done, 5))
    assert taken(bound, reader)["status"] == 503
    assert agent.client.post("/agent/v1/nodes/n1/streams/id", {}).status == 404
    agent.hang_up()


@pytest.mark.parametrize("who", ["operator", "alice", "elastx", "n2"])
def test_the_relay_of_a_node_is_its_own(bound: Any, who: str) -> None:
    assert bound.client(who).get(REQUESTS).status == 403


def test_a_node_answers_only_what_it_was_asked(bound: Any) -> None:
    agent, other = Agent(bound), Agent(bound, "n2")
    reader, done = read_log(bound)
    request_id = agent.request()["id"]
    stolen = other.client.post(f"/agent/v1/nodes/n2/streams/{request_id}", b"forged")
    assert stolen.status == 404
    upload, _ = agent.upload(request_id)
    upload.inbox.put_nowait(piece(b"true", more=False))
    bound.run(asyncio.wait_for(done, 5))
    for _ in range(2):
        taken(bound, reader)
    assert taken(bound, reader)["body"] == b"true"
    agent.hang_up()
    other.hang_up()


def test_the_newest_connection_of_a_node_counts(bound: Any) -> None:
    first = Agent(bound)
    second = Agent(bound)
    bound.run(asyncio.wait_for(first.task, 5))
    read_log(bound)
    assert second.request()["pod"] == "p"
    second.hang_up()


def test_a_pod_without_a_node_is_waiting(cloud: Any) -> None:
    cloud.put(pod(node=""), Key("", "pods", "alpha", "p"))
    reply = cloud.client("alice").get(f"{POD}/log")
    assert reply.status == 400
    assert 'container "main" in pod "p" is waiting to start' in reply.json["message"]


def test_one_of_several_containers_must_be_named(cloud: Any) -> None:
    cloud.put(pod(containers=("a", "b")), Key("", "pods", "alpha", "p"))
    alice = cloud.client("alice")
    assert "choose one of: [a b]" in alice.get(f"{POD}/log").json["message"]
    assert alice.get(f"{POD}/log", container="c").status == 400
    assert alice.get(f"{POD}/log", container="b").status == 503


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": "-1"},
        {"limitBytes": "0"},
        {"sinceSeconds": "0"},
        {"sinceTime": "yesterday"},
        {"sinceSeconds": "5", "sinceTime": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_parameter_that_cannot_be_read_is_refused(bound: Any, query: dict[str, str]) -> None:
    assert bound.client("alice").get(f"{POD}/log", **query).status == 400


def test_closing_the_door_ends_the_agents_lines(bound: Any) -> None:
    agent = Agent(bound)
    bound.app.close()
    bound.run(asyncio.wait_for(agent.task, 5))
