"""What a Pod reserves: what its order buys, its contract holds and its node sets as its limit.

Source: kubernetes.io, "Resource Management for Pods and Containers" (how requests of init
containers and sidecars add up). Next: `objects.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.quantities import milli, whole

DEFAULT_REQUESTS = Resources(cpu_milli=100, memory_bytes=128 * 1024**2)
"""What a Pod reserves that asks for no cpu, or no memory: nothing runs for free."""

NOTHING = Resources()

MOST = Resources(cpu_milli=10**9, memory_bytes=2**54, gpus=10**6, ephemeral_bytes=2**54)
"""A million cpus, 16 PiB: no machine has more, and sums of it stay in 64 bits."""

EPHEMERAL_STORAGE = "ephemeral-storage"
"""What Kubernetes calls the disk that a Pod has while it is on its node."""

GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915")


def resources_of(amounts: Mapping[str, Any], path: str) -> Resources:
    """Read a resource list (`requests`, `allocatable`)."""
    if all(type(amount) is str for amount in amounts.values()):
        known = _read(tuple(amounts.items()))
        if known is not None:
            return known
    return _resources_of(amounts, path)


@lru_cache(maxsize=4096)
def _read(amounts: tuple[tuple[str, str], ...]) -> Resources | None:
    """Read amounts that are written as text, None where one is wrong.

    The same few lists are asked for all the time.
    """
    try:
        return _resources_of(dict(amounts), "")
    except InvalidField:
        return None


def _resources_of(amounts: Mapping[str, Any], path: str) -> Resources:
    gpus = 0
    for name in GPU_RESOURCES:
        if name in amounts:
            gpus += whole(amounts[name], f"{path}[{name}]")
    return Resources(
        milli(amounts.get("cpu", 0), f"{path}.cpu"),
        whole(amounts.get("memory", 0), f"{path}.memory"),
        gpus,
        whole(amounts.get(EPHEMERAL_STORAGE, 0), f"{path}[{EPHEMERAL_STORAGE}]"),
    )


def requests_of(spec: Mapping[str, Any]) -> Resources:
    """Give what a Pod reserves: its containers together, or an init container if that is more.

    An init container that goes on (restartPolicy Always, a sidecar) counts with the containers
    and with the init containers after it.
    """
    together = peak = NOTHING
    for path, container in _containers(spec, "initContainers"):
        asked = container_requests(container, path)
        if container.get("restartPolicy") == "Always":
            together = together.plus(asked)
            peak = _largest(peak, together)
        else:
            peak = _largest(peak, together.plus(asked))
    for path, container in _containers(spec, "containers"):
        together = together.plus(container_requests(container, path))
    found = _largest(peak, together) if spec.get("initContainers") else together
    if spec.get("overhead"):
        found = found.plus(resources_of(spec["overhead"], "spec.overhead"))
    if not found.fits_in(MOST):
        raise InvalidField("spec.containers", "request more than any machine has")
    return found._replace(
        cpu_milli=found.cpu_milli or DEFAULT_REQUESTS.cpu_milli,
        memory_bytes=found.memory_bytes or DEFAULT_REQUESTS.memory_bytes,
    )


def _containers(spec: Mapping[str, Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for i, container in enumerate(spec.get(field) or ()):
        yield f"spec.{field}[{i}]", container


def container_requests(container: Mapping[str, Any], path: str) -> Resources:
    """Read one container's requests; a resource with only a limit requests the limit."""
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    field = "requests" if requests else "limits"
    asked = {**limits, **requests} if limits else requests
    return resources_of(asked, f"{path}.resources.{field}")


def _largest(one: Resources, other: Resources) -> Resources:
    return Resources(*(max(a, b) for a, b in zip(one, other, strict=True)))
