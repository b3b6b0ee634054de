"""A container's environment, command and arguments, with everything they refer to filled in.

Source: Kubernetes' v1.EnvVar ($(NAME) expansion, valueFrom, envFrom). Pure, given the fetched
sources. Next: `containers.py`.
"""

from __future__ import annotations

import re
from typing import Any

from busbar.agent.hooks.references import Sources
from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object, annotations_of, labels_of, metadata, spec_of
from busbar.model.quantities import milli, whole

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_QUOTED_KEY = re.compile(r"\Ametadata\.(labels|annotations)\['([^']+)'\]\Z")


def environment(
    pod: Object, container: Object, sources: Sources, facts: dict[str, str]
) -> dict[str, str]:
    """Give a container's variables. `facts` are the node's: podIP, hostIP, nodeName."""
    result: dict[str, str] = {}
    for index, entry in enumerate(container.get("envFrom") or ()):
        result |= _all_of(entry, sources, f"spec.containers[].envFrom[{index}]")
    for index, entry in enumerate(container.get("env") or ()):
        path = f"spec.containers[].env[{index}]"
        value = (
            _from(pod, container, entry["valueFrom"], sources, facts, path)
            if entry.get("valueFrom")
            else expand(str(entry.get("value") or ""), result)
        )
        if value is not None:
            result[entry["name"]] = value
    return result


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace $(NAME) by its value; $$ is a dollar; what is unknown stays as written."""

    def put(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return variables.get(match.group(1), match.group(0))

    return _REFERENCE.sub(put, text)


def _all_of(entry: Object, sources: Sources, path: str) -> dict[str, str]:
    prefix = entry.get("prefix") or ""
    result: dict[str, str] = {}
    for field, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if entry.get(field):
            reference = entry[field]
            keys = sources.keys(
                resource, reference.get("name", ""), path, bool(reference.get("optional"))
            )
            result |= {prefix + k: v.decode(errors="replace") for k, v in keys.items()}
    return result


def _from(
    pod: Object,
    container: Object,
    source: dict[str, Any],
    sources: Sources,
    facts: dict[str, str],
    path: str,
) -> str | None:
    for field, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if source.get(field):
            ref = source[field]
            raw = sources.value(
                resource, ref.get("name", ""), ref.get("key", ""), path, bool(ref.get("optional"))
            )
            return None if raw is None else raw.decode(errors="replace")
    if source.get("fieldRef"):
        return field_of(pod, source["fieldRef"].get("fieldPath", ""), facts, path)
    if source.get("resourceFieldRef"):
        return _resource_of(pod, container, source["resourceFieldRef"], path)
    raise PodRefused(Reason.INVALID_POD, f"{path}.valueFrom: names no source; remove it")


def field_of(pod: Object, field: str, facts: dict[str, str], path: str) -> str:
    """Give a field of the Pod, as the downward API does."""
    meta, spec = metadata(pod), spec_of(pod)
    known = {
        "metadata.name": meta.get("name", ""),
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": facts.get("podIP", ""),
        "status.podIPs": facts.get("podIP", ""),
        "status.hostIP": facts.get("hostIP", ""),
    }
    if field in known:
        return str(known[field])
    quoted = _QUOTED_KEY.match(field)
    if quoted:
        values = labels_of(pod) if quoted.group(1) == "labels" else annotations_of(pod)
        return values.get(quoted.group(2), "")
    raise PodRefused(
        Reason.INVALID_POD, f"{path}.valueFrom.fieldRef: {field!r} is not a field that can be given"
    )


def _resource_of(pod: Object, container: Object, ref: dict[str, Any], path: str) -> str:
    wanted = ref.get("containerName") or container.get("name")
    owner = next((c for c in spec_of(pod)["containers"] if c.get("name") == wanted), container)
    part, _, resource = str(ref.get("resource", "")).partition(".")
    value = ((owner.get("resources") or {}).get(part) or {}).get(resource, "0")
    if resource == "cpu":
        divisor = milli(ref.get("divisor") or "1", path) or 1000
        return str(-(-milli(value, path) // divisor))
    divisor = whole(ref.get("divisor") or "1", path) or 1
    return str(-(-whole(value, path) // divisor))


def arguments(
    container: Object, variables: dict[str, str], image_config: dict[str, Any]
) -> list[str]:
    """Give what is executed: command and args over the image's Entrypoint and Cmd.

    Source: Kubernetes' rule: a command replaces both, args alone replace Cmd.
    """
    command = [expand(part, variables) for part in container.get("command") or ()]
    args = [expand(part, variables) for part in container.get("args") or ()]
    if command:
        return command + args
    entrypoint = list(image_config.get("Entrypoint") or ())
    return entrypoint + (args or list(image_config.get("Cmd") or ()))
