"""What is taken but does not do what its author may expect: warnings, as kubectl shows them.

Refusing would turn away manifests that work well without; silence would let their authors find out
by themselves. Next: `checks/`, for what is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busbar.model.errors import InvalidField
from busbar.model.objects import Object, spec_of
from busbar.model.quantities import whole

_TEMPLATED = (("Job", "batch/v1"), ("Deployment", "apps/v1"), ("ReplicaSet", "apps/v1"))
_HOOKS = ("postStart", "preStop")


def cautions(obj: Object) -> tuple[str, ...]:
    """Give the warnings for a new Pod or a Pod template; nothing else has any."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if (kind, version) == ("Pod", "v1"):
        return tuple(_of_spec("spec", spec_of(obj)))
    if (kind, version) in _TEMPLATED:
        template = spec_of(obj).get("template") or {}
        return tuple(_of_spec("spec.template.spec", spec_of(template)))
    return ()


def _of_spec(path: str, spec: Mapping[str, Any]) -> Iterator[str]:
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            at = f"{path}.{field}[{index}]"
            for hook in _HOOKS:
                if (container.get("lifecycle") or {}).get(hook):
                    yield f"{at}.lifecycle.{hook}: is not run here"
            yield from _of_memory(at, container.get("resources") or {})


def _of_memory(at: str, resources: Mapping[str, Any]) -> Iterator[str]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if "memory" not in limits or "memory" not in requests:
        return
    try:
        more = whole(limits["memory"], "") > whole(requests["memory"], "")
    except InvalidField:
        return
    if more:
        yield (
            f"{at}.resources.limits.memory: a Pod has the memory that it requests and pays for "
            f"({requests['memory']}), not {limits['memory']}; request more"
        )
