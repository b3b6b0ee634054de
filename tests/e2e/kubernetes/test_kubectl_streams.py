"""kubectl where an answer goes on: watches, waiting, logs; and who may what."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busbar.model.objects import Key

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "main", "image": "busybox"}]},
}


@pytest.fixture(scope="module", params=[0, 1], ids=["alone", "behind a worker"])
def workers(request: Any) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def alpha(served: Any, new_kubectl: str) -> str:
    command = [new_kubectl, f"--kubeconfig={served.kubeconfig('operator')}"]
    for name in ("alpha", "beta"):
        subprocess.run([*command, "create", "namespace", name], check=True, capture_output=True)
    return "alpha"


@pytest.fixture
def running(alpha: str, served: Any, kubectl: Any) -> Iterator[dict[str, Any]]:
    """A Pod on the node n1."""
    kubectl.ok("create", "-f", "-", stdin=json.dumps(POD))
    key = Key("", "pods", alpha, "p")
    pod = served.get(key)
    status = {**pod["status"], "phase": "Running"}
    yield served.put({**pod, "spec": {**pod["spec"], "nodeName": "n1"}, "status": status}, key)
    kubectl.ok("delete", "pod", "p", "--force", "--grace-period=0", "--ignore-not-found")


def test_get_watch_shows_changes_as_they_happen(alpha: str, kubectl: Any) -> None:
    watch = kubectl.start("get", "configmaps", "-w", "--output-watch-events")
    try:
        assert watch.stdout is not None
        kubectl.ok("create", "configmap", "seen", "--from-literal=a=1")
        kubectl.ok("patch", "configmap", "seen", "-p", '{"data":{"b":"2"}}')
        kubectl.ok("delete", "configmap", "seen")
        lines: list[str] = []
        while not any(line.startswith("DELETED") for line in lines):
            line = watch.stdout.readline()
            assert line, lines
            lines.append(line)
        assert lines[0].split()[:3] == ["EVENT", "NAME", "DATA"]
        seen = [line.split()[:3] for line in lines[1:]]
        assert seen == [["ADDED", "seen", "1"], ["MODIFIED", "seen", "2"], ["DELETED", "seen", "2"]]
    finally:
        watch.kill()
        watch.wait()


def test_delete_waits_until_a_finalizer_lets_go(alpha: str, kubectl: Any) -> None:
    held = {"name": "held", "finalizers": ["example.org/hold"]}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held}
    kubectl.ok("create", "-f", "-", stdin=json.dumps(body))
    deleting = kubectl.start("delete", "configmap", "held")
    kubectl.ok("wait", "--for=jsonpath={.metadata.deletionGracePeriodSeconds}=0", "cm/held")
    assert deleting.poll() is None
    kubectl.ok("patch", "cm", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert deleting.wait(30) == 0


def test_deleting_a_running_pod_waits_for_its_agent(
    running: dict[str, Any], served: Any, kubectl: Any
) -> None:
    deleting = kubectl.start("delete", "pod", "p")
    kubectl.ok("wait", "--for=jsonpath={.metadata.deletionGracePeriodSeconds}=30", "pod/p")
    assert kubectl.ok("get", "pod", "p", "--no-headers").split()[2] == "Terminating"
    assert deleting.poll() is None
    agent = kubectl.as_("n1")
    agent.ok("delete", "--raw", "/api/v1/namespaces/alpha/pods/p?gracePeriodSeconds=0")
    assert deleting.wait(30) == 0


class Agent:
    """The agent of a node, as far as logs go, over HTTPS with the node's certificate."""

    def __init__(self, served: Any) -> None:
        config = json.loads(served.kubeconfig("n1").read_text())["users"][0]["user"]
        pair = served.directory / "n1.pem"
        pair.write_bytes(
            base64.b64decode(config["client-certificate-data"])
            + base64.b64decode(config["client-key-data"])
        )
        self._tls = ssl.create_default_context(cafile=str(served.directory / "pki" / "ca.pem"))
        self._tls.load_cert_chain(pair)
        self._port = served.port
        line = self._connection()
        line.request("GET", "/agent/v1/nodes/n1/requests")
        self._requests = line.getresponse()
        assert self._requests.readline() == b"\n"

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=30)

    def request(self) -> dict[str, Any]:
        while not (line := self._requests.readline()).strip():
            pass
        return json.loads(line)

    def answer(self, request_id: str, pieces: Iterator[bytes]) -> None:
        upload = self._connection()
        path = f"/agent/v1/nodes/n1/streams/{request_id}"
        upload.request("POST", path, body=pieces, encode_chunked=True)
        upload.getresponse().read()


def test_logs_come_from_the_node(running: dict[str, Any], served: Any, kubectl: Any) -> None:
    agent = Agent(served)
    reading = kubectl.as_("alice").start("logs", "p", "--tail=5", "--timestamps")
    request = agent.request()
    assert (request["pod"], request["tailLines"], request["timestamps"]) == ("p", 5, True)
    agent.answer(request["id"], iter([b"one\n", b"two\n"]))
    assert reading.communicate(timeout=30)[0] == "one\ntwo\n"
    assert reading.returncode == 0


def test_followed_logs_arrive_line_by_line_and_end_with_the_reader(
    running: dict[str, Any], served: Any, kubectl: Any
) -> None:
    agent, seen, gone = Agent(served), threading.Event(), threading.Event()
    reading = kubectl.start("logs", "-f", "p")
    request = agent.request()
    assert request["follow"] is True

    def pieces() -> Iterator[bytes]:
        yield b"first\n"
        seen.wait(30)
        while not gone.is_set():
            yield b"more\n"
            gone.wait(0.05)

    def upload() -> None:
        with contextlib.suppress(OSError):
            agent.answer(request["id"], pieces())
        gone.set()

    thread = threading.Thread(target=upload)
    thread.start()
    assert reading.stdout is not None
    assert reading.stdout.readline() == "first\n"
    reading.kill()
    reading.wait()
    seen.set()
    assert gone.wait(30), "the upload went on although nobody reads"
    thread.join(30)


def test_a_node_without_agent_is_named(running: dict[str, Any], kubectl: Any) -> None:
    result = kubectl("logs", "p")
    assert result.code != 0
    assert "node n1 is not connected" in result.err


def test_who_i_am_and_what_i_may(alpha: str, kubectl: Any) -> None:
    alice = kubectl.as_("alice")
    assert "alice" in alice.ok("auth", "whoami")
    assert alice.ok("auth", "can-i", "create", "pods").strip() == "yes"
    assert alice("auth", "can-i", "create", "pods", "-n", "beta").out.startswith("no")
    assert alice("auth", "can-i", "delete", "nodes").out.strip().startswith("no")
    assert "pods" in alice.ok("auth", "can-i", "--list")


def test_a_member_sees_its_own_namespace_alone(alpha: str, kubectl: Any) -> None:
    alice = kubectl.as_("alice")
    assert alice.ok("get", "namespaces", "-o", "name").split() == ["namespace/alpha"]
    refused = alice("get", "pods", "-n", "beta")
    assert refused.code != 0
    assert 'User "alice" cannot list resource "pods"' in refused.err
    assert "members may touch only their own namespaces (alpha)" in refused.err
    assert alice("get", "pods", "-A").code != 0


def test_a_token_of_a_service_account_opens_its_namespace(
    alpha: str, served: Any, kubectl: Any, tmp_path: Path
) -> None:
    kubectl.ok("create", "serviceaccount", "robot")
    token = kubectl.ok("create", "token", "robot").strip()
    authority = served.directory / "pki" / "ca.pem"
    command = [kubectl.binary, "--kubeconfig=/dev/null", f"--server={served.url}"]
    command += [f"--certificate-authority={authority}", f"--token={token}"]
    done = subprocess.run(
        [*command, "get", "pods", "-n", "alpha"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [*command, "get", "pods", "-n", "beta"], capture_output=True, text=True, check=False
    )
    assert "system:serviceaccount:alpha:robot" in done.stderr
