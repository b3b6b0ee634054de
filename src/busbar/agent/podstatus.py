"""From what the containers are to what `kubectl get pod` shows: a pure function.

Source: Kubernetes' v1.PodStatus. `status.busbar` is the project's addition: what the meter reads
(epoch, startedMs, finishedMs, cpuMs). Next: `worker.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.agent.refusals import PodRefused
from busbar.model.objects import Object, metadata, spec_of, status_of
from busbar.model.time import format_instant

UNSEEN_END = "ContainerStatusUnknown"
"""The reason of a container whose end nobody saw, as Kubernetes has it."""


class Observed(NamedTuple):
    """One container as last seen. `state`: waiting, running or exited."""

    name: str
    init: bool
    state: str
    started_ms: int | None = None
    finished_ms: int | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    restarts: int = 0
    will_restart: bool = False
    image: str = ""
    image_id: str = ""
    container_id: str = ""
    is_started: bool = True
    is_ready: bool = True
    """As its probes say, where it has any; meaningful while it runs."""
    is_sidecar: bool = False
    """An init container that goes on beside the others, and ends with them."""


class PodView(NamedTuple):
    """All that a Pod's status follows from."""

    pod: Object
    containers: tuple[Observed, ...]
    epoch: int
    address: str = ""
    host_address: str = ""
    refusal: PodRefused | None = None
    stop_reason: str = ""
    stop_message: str = ""
    cpu_ms: int = 0
    memory_peak_bytes: int = 0


def phase_of(view: PodView) -> str:
    """Give Pending, Running, Succeeded or Failed."""
    if view.refusal is not None and not view.refusal.retry:
        return "Failed"
    main = [c for c in view.containers if not c.init]
    failed_init = any(
        c.init and not c.is_sidecar and c.state == "exited" and c.exit_code and not c.will_restart
        for c in view.containers
    )
    if failed_init:
        return "Failed"
    if not main or all(c.state == "waiting" and c.restarts == 0 for c in main):
        return "Failed" if view.stop_reason else "Pending"
    if all(c.state == "exited" and not c.will_restart for c in main):
        bad = view.stop_reason or any(c.exit_code for c in main)
        return "Failed" if bad else "Succeeded"
    return "Running"


def is_finished(view: PodView) -> bool:
    """Say whether nothing of the Pod will run any more."""
    return phase_of(view) in ("Succeeded", "Failed")


def status_patch(view: PodView, now: int) -> Object:
    """Give the strategic merge patch of the Pod's status subresource."""
    phase = phase_of(view)
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(view, phase, now),
        "containerStatuses": [_container(c, view) for c in view.containers if not c.init],
        "busbar": _meter(view, phase, now),
    }
    inits = [_container(c, view) for c in view.containers if c.init]
    if inits:
        status["initContainerStatuses"] = inits
    if view.address:
        status |= {"podIP": view.address, "podIPs": [{"ip": view.address}]}
    if view.host_address:
        status |= {"hostIP": view.host_address}
    started = _started(view)
    if started is not None:
        status["startTime"] = format_instant(started)
    status["reason"], status["message"] = _why(view, phase)
    return {"metadata": {"uid": metadata(view.pod).get("uid")}, "status": status}


def _why(view: PodView, phase: str) -> tuple[str | None, str | None]:
    if view.refusal is not None:
        return view.refusal.reason.value, view.refusal.message
    if view.stop_reason:
        return view.stop_reason, view.stop_message
    if phase == "Failed":
        ended = [c for c in view.containers if c.state == "exited" and not c.is_sidecar]
        bad = next((c for c in ended if c.exit_code), None)
        if bad is not None and bad.reason == "OOMKilled":
            return "OOMKilled", (
                f"container {bad.name} used more memory than the Pod reserved for it; "
                "raise resources.requests.memory (and limits.memory where it is set)"
            )
        if bad is not None and bad.reason == UNSEEN_END:
            return "NodeRestarted", (
                f"the end of container {bad.name} was not seen: its node was restarted, or lost "
                "it; only the time until it was last known to run is billed"
            )
        if bad is not None and bad.message:
            return "Error", f"container {bad.name} was ended: {bad.message}"
        if bad is not None:
            return "Error", f"container {bad.name} ended with exit code {bad.exit_code}"
    return None, None


def _started(view: PodView) -> int | None:
    known = [c.started_ms for c in view.containers if c.started_ms is not None]
    return min(known) if known else None


def _meter(view: PodView, phase: str, now: int) -> dict[str, Any]:
    """Give what the meter reads. Finished only where nothing will run any more."""
    meter: dict[str, Any] = {"epoch": view.epoch, "observedMs": now}
    earlier = status_of(view.pod).get("busbar") or {}
    started = _started(view)
    if earlier.get("epoch") == view.epoch and earlier.get("startedMs") is not None:
        started = min(started or earlier["startedMs"], earlier["startedMs"])
    if started is not None:
        meter["startedMs"] = started
    if phase in ("Succeeded", "Failed"):
        ends = [c.finished_ms for c in view.containers if c.finished_ms is not None]
        if ends:
            meter["finishedMs"] = max(ends)
        elif started is not None:
            meter["finishedMs"] = now
    if view.cpu_ms:
        meter["cpuMs"] = view.cpu_ms
    if view.memory_peak_bytes:
        meter["memoryPeakBytes"] = view.memory_peak_bytes
    return meter


def _container(seen: Observed, view: PodView) -> dict[str, Any]:
    if seen.state == "waiting" and view.refusal is not None:
        seen = seen._replace(reason=view.refusal.reason.value, message=view.refusal.message)
    return {
        "name": seen.name,
        "image": seen.image,
        "imageID": seen.image_id,
        "containerID": seen.container_id,
        "restartCount": seen.restarts,
        "ready": _is_ready(seen) or (seen.init and seen.exit_code == 0),
        "started": seen.state == "running" and seen.is_started,
        "state": _state(seen),
    }


def _has_initialized(seen: Observed) -> bool:
    """Say whether an init container has done its part."""
    return (seen.state != "waiting" and seen.is_started) if seen.is_sidecar else seen.exit_code == 0


def _goes_on(seen: Observed) -> bool:
    """Say whether a container is to run as long as the Pod does."""
    return seen.is_sidecar or not seen.init


def _is_ready(seen: Observed) -> bool:
    return seen.state == "running" and seen.is_started and seen.is_ready


def _state(seen: Observed) -> dict[str, Any]:
    if seen.state == "running" and seen.started_ms is not None:
        return {"running": {"startedAt": format_instant(seen.started_ms)}}
    if seen.state == "exited" and not seen.will_restart:
        return {"terminated": _terminated(seen)}
    if seen.state == "exited":
        return {"waiting": {"reason": "CrashLoopBackOff", "message": "waiting to restart"}}
    return {
        "waiting": {"reason": seen.reason or "ContainerCreating", "message": seen.message or None}
    }


def _terminated(seen: Observed) -> dict[str, Any]:
    code = seen.exit_code or 0
    return {
        "exitCode": code,
        "reason": seen.reason or ("Completed" if code == 0 else "Error"),
        "message": seen.message or None,
        "startedAt": format_instant(seen.started_ms or 0),
        "finishedAt": format_instant(seen.finished_ms or 0),
        "containerID": seen.container_id,
    }


def _conditions(view: PodView, phase: str, now: int) -> list[dict[str, Any]]:
    main = [c for c in view.containers if not c.init]
    inits_done = all(_has_initialized(c) for c in view.containers if c.init)
    unready = [c.name for c in view.containers if not _is_ready(c) and _goes_on(c)]
    ready = phase == "Running" and bool(main) and not unready
    truths = {
        "Initialized": inits_done,
        "ContainersReady": ready,
        "Ready": ready,
    }
    before = {c["type"]: c for c in status_of(view.pod).get("conditions") or ()}
    why, message = "PodCompleted" if phase == "Succeeded" else None, None
    if unready and phase in ("Pending", "Running"):
        why = "ContainersNotReady"
        message = f"containers with unready status: [{' '.join(unready)}]"
    result = []
    for kind, truth in truths.items():
        status = "True" if truth else "False"
        old = before.get(kind) or {}
        said = (None, None) if truth or kind == "Initialized" else (why, message)
        changed = (
            old["lastTransitionTime"]
            if old.get("status") == status and old.get("lastTransitionTime")
            else format_instant(now)
        )
        result.append(
            {
                "type": kind,
                "status": status,
                "reason": said[0],
                "message": said[1],
                "lastTransitionTime": changed,
            }
        )
    return result


def grace_seconds(pod: Object) -> int:
    """Give the termination grace period that applies."""
    asked = metadata(pod).get("deletionGracePeriodSeconds")
    if asked is None:
        asked = spec_of(pod).get("terminationGracePeriodSeconds", 30)
    return int(asked)
