"""What of a Pod's spec the market reads: requests, tolerations, and what it must refuse.

Source: kubernetes.io, "Resource Management for Pods and Containers" (how requests of init
containers and sidecars add up) and "Taints and Tolerations". Next: `orders.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.quantities import milli, whole

DEFAULT_REQUESTS = Resources(cpu_milli=100, memory_bytes=128 * 1024**2)
"""What a Pod reserves that asks for no cpu, or no memory: nothing runs for free."""

MOST = Resources(cpu_milli=10**9, memory_bytes=2**54, gpus=10**6)
"""A million cpus, 16 PiB: no machine has more, and sums of it stay in 64 bits."""

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915")

_BLOCKING = ("NoSchedule", "NoExecute")


class Taint(NamedTuple):
    """A node's taint that keeps new work away (NoSchedule, NoExecute)."""

    key: str
    value: str
    effect: str


class Toleration(NamedTuple):
    """A Pod's toleration; empty key with Exists tolerates everything, empty effect any effect."""

    key: str
    operator: str
    value: str
    effect: str

    def tolerates(self, taint: Taint) -> bool:
        """Say whether the taint does not keep the Pod away."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.operator == "Exists":
            return self.key in ("", taint.key)
        return self.key == taint.key and self.value == taint.value


def resources_of(amounts: Mapping[str, Any], path: str) -> Resources:
    """Read a resource list (`requests`, `allocatable`)."""
    gpus = sum(whole(amounts[name], f"{path}[{name}]") for name in GPU_RESOURCES if name in amounts)
    return Resources(
        milli(amounts.get("cpu", 0), f"{path}.cpu"),
        whole(amounts.get("memory", 0), f"{path}.memory"),
        gpus,
    )


def requests_of(spec: Mapping[str, Any]) -> Resources:
    """Give what a Pod reserves: its containers together, or an init container if that is more.

    An init container that goes on (restartPolicy Always, a sidecar) counts with the containers
    and with the init containers after it.
    """
    together, peak = Resources(), Resources()
    for path, container in _containers(spec, "initContainers"):
        asked = _container_requests(container, path)
        if container.get("restartPolicy") == "Always":
            together = together.plus(asked)
            peak = _largest(peak, together)
        else:
            peak = _largest(peak, together.plus(asked))
    for path, container in _containers(spec, "containers"):
        together = together.plus(_container_requests(container, path))
    found = _largest(peak, together)
    found = found.plus(resources_of(spec.get("overhead") or {}, "spec.overhead"))
    if not found.fits_in(MOST):
        raise InvalidField("spec.containers", "request more than any machine has")
    return Resources(
        found.cpu_milli or DEFAULT_REQUESTS.cpu_milli,
        found.memory_bytes or DEFAULT_REQUESTS.memory_bytes,
        found.gpus,
    )


def _containers(spec: Mapping[str, Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for i, container in enumerate(spec.get(field) or ()):
        yield f"spec.{field}[{i}]", container


def _container_requests(container: Mapping[str, Any], path: str) -> Resources:
    """Read one container's requests; a resource with only a limit requests the limit."""
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    field = "requests" if requests else "limits"
    return resources_of({**limits, **requests}, f"{path}.resources.{field}")


def _largest(one: Resources, other: Resources) -> Resources:
    return Resources(*(max(a, b) for a, b in zip(one, other, strict=True)))


def tolerations_of(spec: Mapping[str, Any]) -> tuple[Toleration, ...]:
    """Read the tolerations, in an order that does not depend on how they were written."""
    found = {
        Toleration(
            str(entry.get("key") or ""),
            str(entry.get("operator") or "Equal"),
            str(entry.get("value") or ""),
            str(entry.get("effect") or ""),
        )
        for entry in spec.get("tolerations") or ()
    }
    return tuple(sorted(found))


def taints_of(node_spec: Mapping[str, Any]) -> tuple[Taint, ...]:
    """Read the taints that keep new work away."""
    taints = (
        Taint(str(t.get("key") or ""), str(t.get("value") or ""), str(t.get("effect") or ""))
        for t in node_spec.get("taints") or ()
    )
    return tuple(taint for taint in taints if taint.effect in _BLOCKING)


def selector_of(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Read the node selector, sorted."""
    return tuple(sorted((str(k), str(v)) for k, v in (spec.get("nodeSelector") or {}).items()))


def refuse_unmet_demands(spec: Mapping[str, Any]) -> None:
    """Refuse placement rules that the market would otherwise break silently.

    Preferences may go unmet; requirements may not.
    """
    affinity = spec.get("affinity") or {}
    for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity"):
        if (affinity.get(kind) or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
            raise InvalidField(
                f"spec.affinity.{kind}.requiredDuringSchedulingIgnoredDuringExecution",
                "is not supported by the market; use nodeSelector or the busbar.dev annotations",
            )
    for i, spread in enumerate(spec.get("topologySpreadConstraints") or ()):
        if spread.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule":
            raise InvalidField(
                f"spec.topologySpreadConstraints[{i}].whenUnsatisfiable",
                "DoNotSchedule is not supported by the market; write ScheduleAnyway",
            )
