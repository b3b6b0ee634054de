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
from busbar.model.requests import EPHEMERAL_STORAGE

_TEMPLATED = (("Job", "batch/v1"), ("Deployment", "apps/v1"), ("ReplicaSet", "apps/v1"))
_HOOKS = ("postStart", "preStop")
_BOUGHT = ("memory", EPHEMERAL_STORAGE)


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
            yield from _of_bought(at, container.get("resources") or {})


def _of_bought(at: str, resources: Mapping[str, Any]) -> Iterator[str]:
    """Warn of limits above what is requested, where the request is the limit."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name in _BOUGHT:
        if name not in limits or name not in requests:
            continue
        try:
            more = whole(limits[name], "") > whole(requests[name], "")
        except InvalidField:
            continue
        if more:
            yield (
                f"{at}.resources.limits.{name}: a Pod has the {name} that it requests "
                f"({requests[name]}), not {limits[name]}; request more"
            )
