"""What a container's probes ask."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import pod

from busbar.agent.probes.spec import Exec, HttpGet, Kind, Probe, TcpSocket, check, probes_of
from busbar.agent.refusals import PodRefused, Reason

PORTS = [{"name": "web", "containerPort": 8080}, {"containerPort": 9090}]


def one(given: Any, kind: str = "liveness") -> Probe:
    (probe,) = probes_of({"name": "main", "ports": PORTS, f"{kind}Probe": given})
    return probe


def test_a_container_without_probes_is_asked_nothing() -> None:
    assert probes_of({"name": "main"}) == ()


def test_what_is_not_said_is_kubernetes_default() -> None:
    probe = one({"exec": {"command": ["true", "-x"]}})
    assert probe == Probe(Kind.LIVENESS, Exec(("true", "-x")), 0, 10_000, 1, 1, 3, None)


def test_what_is_said_counts() -> None:
    times = {"initialDelaySeconds": 2, "periodSeconds": 3, "timeoutSeconds": 4}
    times |= {"successThreshold": 5, "failureThreshold": 6, "terminationGracePeriodSeconds": 0}
    assert one({"tcpSocket": {"port": 1}, **times}, "readiness") == Probe(
        Kind.READINESS, TcpSocket(1), 2000, 3000, 4, 5, 6, 0
    )


def test_an_http_probe_is_read() -> None:
    headers = [{"name": "Host", "value": "x.example"}]
    given = {"port": "web", "path": "live?x=1", "scheme": "HTTPS", "httpHeaders": headers}
    assert one({"httpGet": given}).handler == HttpGet(
        8080, "/live?x=1", "HTTPS", (("Host", "x.example"),)
    )
    assert one({"httpGet": {"port": 80}}).handler == HttpGet(80)


@pytest.mark.parametrize("port", ["nosuch", "", None, 0, 65_536, -1])
def test_a_port_that_is_none_is_refused(port: Any) -> None:
    with pytest.raises(PodRefused, match=r"livenessProbe\.tcpSocket\.port: "):
        one({"tcpSocket": {"port": port}})


@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket"])
def test_nobody_but_the_pod_is_asked(kind: str) -> None:
    """Probes are asked from the machine's network: a workload has no business there."""
    with pytest.raises(PodRefused, match=rf"{kind}\.host: a probe asks its own Pod only"):
        one({kind: {"host": "192.0.2.1", "port": 80}})


@pytest.mark.parametrize("given", [{"grpc": {"port": 1}}, {"periodSeconds": 1}])
def test_what_is_not_offered_is_refused_before_anything_is_made(given: Any) -> None:
    made = pod(containers=[{"name": "main", "image": "i", "startupProbe": given}])
    with pytest.raises(PodRefused, match="httpGet") as caught:
        check(made)
    assert caught.value.reason is Reason.INVALID_POD
    assert str(caught.value).startswith("spec.containers[main].startupProbe: ")
