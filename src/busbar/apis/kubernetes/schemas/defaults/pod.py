"""Defaults of pods and pod templates.

Source: k8s.io/kubernetes/pkg/apis/core/v1/defaults.go. Next: `job.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.model.objects import Object

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE: Final = (
    ("timeoutSeconds", 1),
    ("periodSeconds", 10),
    ("successThreshold", 1),
    ("failureThreshold", 3),
)
_FILE_MODE: Final = 0o644
_MODED: Final = ("secret", "configMap", "downwardAPI", "projected")


def default_pod(obj: Object) -> None:
    """Fill in a Pod; on its way in it is pending."""
    spec = obj.setdefault("spec", {})
    default_pod_spec(spec)
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    if "qosClass" not in status:
        status["qosClass"] = qos_class(spec)


def default_pod_spec(spec: dict[str, Any]) -> None:
    """Fill in the spec of a pod or a template."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for volume in spec.get("volumes", ()):
        _volume(volume)
    for field in ("containers", "initContainers"):
        for container in spec.get(field, ()):
            _container(container, host_network=spec.get("hostNetwork", False))


def _container(container: dict[str, Any], *, host_network: bool) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    _resources(container.setdefault("resources", {}))
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for variable in container.get("env", ()):
        if "valueFrom" in variable and "fieldRef" in variable["valueFrom"]:
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    for field in _PROBES:
        if field in container:
            for name, value in _PROBE:
                container[field].setdefault(name, value)
            _http_get(container[field])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict):
            _http_get(hook)


def _resources(resources: dict[str, Any]) -> None:
    """Request what is limited, where nothing else is requested."""
    limits = resources.get("limits")
    if limits:
        asked = resources.setdefault("requests", {})
        for name, limit in limits.items():
            asked.setdefault(name, limit)


def _http_get(handler: dict[str, Any]) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")
    if "grpc" in handler:
        handler["grpc"].setdefault("service", "")


def _volume(volume: dict[str, Any]) -> None:
    if len(volume) == 1 and "name" in volume:
        volume["emptyDir"] = {}
    for kind in _MODED:
        if kind in volume:
            volume[kind].setdefault("defaultMode", _FILE_MODE)
            _field_refs(volume[kind].get("items", ()))
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for source in volume.get("projected", {}).get("sources", ()):
        _field_refs(source.get("downwardAPI", {}).get("items", ()))
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _field_refs(items: Any) -> None:
    for item in items:
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def pull_policy(image: str) -> str:
    """Give the policy for an image: a moving tag is pulled each time, a fixed one once."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].rpartition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def qos_class(spec: dict[str, Any]) -> str:
    """Give the quality of service that follows from requests and limits."""
    containers = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    some = guaranteed = False
    for index, container in enumerate(containers):
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        some = some or bool(limits or requests)
        full = all(name in limits and requests.get(name) == limits[name] for name in _COMPUTE)
        guaranteed = full and (guaranteed or index == 0)
    if guaranteed:
        return "Guaranteed"
    return "Burstable" if some else "BestEffort"


_COMPUTE: Final = ("cpu", "memory")
