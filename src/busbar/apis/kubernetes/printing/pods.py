"""Pods, with the words of `kubectl get pods`. Next: `kinds.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busbar.apis.kubernetes.printing.columns import AGE, NAME, NONE, Column, Printer, age, since
from busbar.model.objects import (
    Object,
    annotations_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_CONTRACT

COLUMNS = (
    NAME,
    Column("Ready", description="Containers that are ready, of all."),
    Column("Status", description="The phase, or the reason why it is not further."),
    Column("Restarts", description="Restarts of all containers."),
    AGE,
    Column("IP", priority=1),
    Column("Node", priority=1),
    Column("Nominated Node", priority=1),
    Column("Readiness Gates", priority=1),
    Column("Contract", priority=1, description="The contract it runs under."),
)


def cells(pod: Object, now: Instant) -> list[Any]:
    """Give a Pod's row."""
    spec, status = spec_of(pod), status_of(pod)
    containers = status.get("containerStatuses") or []
    ready = sum(1 for one in containers if one.get("ready"))
    return [
        name_of(pod),
        f"{ready}/{len(spec.get('containers') or ())}",
        reason(pod),
        _restarts(containers, now),
        age(pod, now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        NONE,
        annotations_of(pod).get(ANN_CONTRACT) or NONE,
    ]


def reason(pod: Object) -> str:
    """Give the one word that says how a Pod is."""
    status = status_of(pod)
    found = status.get("reason") or status.get("phase") or "Unknown"
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("reason") == "SchedulingGated":
            found = "SchedulingGated"
    starting = _init_reason(pod)
    found = starting or _container_reason(status, found)
    if is_deleting(pod) and status.get("phase") not in ("Succeeded", "Failed"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(found)


def _init_reason(pod: Object) -> str:
    """Say which init container is not done; "" where all are."""
    states = status_of(pod).get("initContainerStatuses") or []
    total = len(spec_of(pod).get("initContainers") or ())
    for index, one in enumerate(states):
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return "Init:" + (ended.get("reason") or _ending(ended))
        if waiting and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _container_reason(status: Mapping[str, Any], found: str) -> str:
    has_running = False
    for one in reversed(status.get("containerStatuses") or []):
        state = one.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting and waiting.get("reason"):
            found = waiting["reason"]
        elif ended is not None:
            found = ended.get("reason") or _ending(ended)
        elif one.get("ready") and state.get("running") is not None:
            has_running = True
    if found == "Completed" and has_running:
        return "Running"
    return found


def _ending(ended: Mapping[str, Any]) -> str:
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(containers: list[Mapping[str, Any]], now: Instant) -> str:
    count = sum(int(one.get("restartCount") or 0) for one in containers)
    ends = [
        ((one.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        for one in containers
    ]
    latest = max((end for end in ends if end), default=None)
    return f"{count} ({since(latest, now)} ago)" if count and latest else str(count)


PRINTER = Printer(COLUMNS, cells)
