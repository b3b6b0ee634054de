"""What a container's probes ask, read from its spec. Pure.

Source: Kubernetes' v1.Probe. A probe asks the Pod itself and nobody else: it is asked from the
machine's own network, where a workload has no business. Next: `health.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object, spec_of

OFFERED = ("exec", "httpGet", "tcpSocket")


class Kind(StrEnum):
    """The three probes; the value with `Probe` is the field."""

    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"


class HttpGet(NamedTuple):
    """A status from 200 to 399 is a success."""

    port: int
    path: str = "/"
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()


class TcpSocket(NamedTuple):
    """A connection is a success."""

    port: int


class Exec(NamedTuple):
    """An exit code of 0 is a success."""

    command: tuple[str, ...]


class Probe(NamedTuple):
    """One probe."""

    kind: Kind
    handler: HttpGet | TcpSocket | Exec
    delay_ms: int = 0
    period_ms: int = 10_000
    timeout_seconds: int = 1
    successes: int = 1
    failures: int = 3
    grace_seconds: int | None = None
    """What a container has to end that is ended for it; None: the Pod's own."""


def probes_of(container: Object) -> tuple[Probe, ...]:
    """Read a container's probes; raises `PodRefused` for what is not offered."""
    found = []
    for kind in Kind:
        given = container.get(f"{kind}Probe")
        if given:
            path = f"spec.containers[{container['name']}].{kind}Probe"
            found.append(_probe(kind, given, container, path))
    return tuple(found)


def is_sidecar(init_container: Object) -> bool:
    """Say whether an init container goes on beside the others."""
    return init_container.get("restartPolicy") == "Always"


def asked(pod: Object) -> Iterator[Object]:
    """Give the containers that may have probes: those that go on."""
    spec = spec_of(pod)
    yield from (one for one in spec.get("initContainers") or () if is_sidecar(one))
    yield from spec.get("containers") or ()


def has_probes(pod: Object) -> bool:
    """Say whether a Pod has any."""
    return any(container.get(f"{kind}Probe") for container in asked(pod) for kind in Kind)


def check(pod: Object) -> None:
    """Refuse a Pod with a probe that cannot be run, before anything is made for it."""
    for container in asked(pod):
        probes_of(container)


def _probe(kind: Kind, given: dict[str, Any], container: Object, path: str) -> Probe:
    return Probe(
        kind,
        _handler(given, container, path),
        1000 * int(given.get("initialDelaySeconds") or 0),
        1000 * max(1, int(given.get("periodSeconds") or 10)),
        max(1, int(given.get("timeoutSeconds") or 1)),
        max(1, int(given.get("successThreshold") or 1)),
        max(1, int(given.get("failureThreshold") or 3)),
        given.get("terminationGracePeriodSeconds"),
    )


def _handler(given: dict[str, Any], container: Object, path: str) -> HttpGet | TcpSocket | Exec:
    kind = next((name for name in OFFERED if given.get(name) is not None), None)
    if kind is None:
        raise _refused(path, f"none of {', '.join(OFFERED)} is there; use one of these")
    action, path = given[kind], f"{path}.{kind}"
    if kind == "exec":
        return Exec(tuple(str(word) for word in action.get("command") or ()))
    if action.get("host"):
        raise _refused(f"{path}.host", "a probe asks its own Pod only; leave it out")
    port = _port(action.get("port"), container, f"{path}.port")
    if kind == "tcpSocket":
        return TcpSocket(port)
    headers = [(str(h["name"]), str(h.get("value") or "")) for h in action.get("httpHeaders") or ()]
    at = str(action.get("path") or "/")
    scheme = str(action.get("scheme") or "HTTP")
    return HttpGet(port, at if at.startswith("/") else f"/{at}", scheme, tuple(headers))


def _port(given: Any, container: Object, path: str) -> int:
    """Give a port's number: as it is, or by its name among the container's ports."""
    for port in container.get("ports") or ():
        if isinstance(given, str) and port.get("name") == given:
            return int(port["containerPort"])
    if str(given).isdecimal() and 1 <= int(given) <= 65_535:
        return int(given)
    raise _refused(path, f"{given!r} is neither a number from 1 to 65535 nor a port's name")


def _refused(path: str, why: str) -> PodRefused:
    return PodRefused(Reason.INVALID_POD, f"{path}: {why}")
