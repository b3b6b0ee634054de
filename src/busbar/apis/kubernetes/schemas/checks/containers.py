"""Containers of a pod: names, images, ports, env, resources, mounts, probes.

Source: k8s.io/kubernetes/pkg/apis/core/validation (validateContainers). Next: `volumes.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    required,
    shown,
    unsupported,
)
from busbar.model.errors import InvalidField
from busbar.model.quantities import parse_quantity

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
TERMINATION_POLICIES: Final = ("FallbackToLogsOnError", "File")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_NOT_FOR_INIT: Final = ("lifecycle", *_PROBES)


def check_containers(spec: dict[str, Any], path: str, volumes: set[str]) -> list[FieldError]:
    """Check containers and init containers of a pod's spec at `path`."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    if not spec.get("containers"):
        errors.append(required(f"{path}.containers"))
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(f"{path}.ephemeralContainers", "are not offered"))
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            at = f"{path}.{field}[{index}]"
            errors += _container(container, at, volumes)
            if container.get("name") in seen:
                errors.append(duplicate(f"{at}.name", container["name"]))
            seen.add(container.get("name") or "")
            if field == "initContainers" and container.get("restartPolicy") != "Always":
                errors += _init_container(container, at)
    return errors


def _init_container(container: dict[str, Any], at: str) -> list[FieldError]:
    why = "may not be set for init containers without restartPolicy=Always"
    return [forbidden(f"{at}.{field}", why) for field in _NOT_FOR_INIT if container.get(field)]


def _container(container: dict[str, Any], at: str, volumes: set[str]) -> list[FieldError]:
    errors = []
    name, image = container.get("name") or "", container.get("image") or ""
    if not name:
        errors.append(required(f"{at}.name"))
    elif wrong := names.wrong_label_name(name):
        errors.append(invalid(f"{at}.name", name, wrong))
    if not image:
        errors.append(required(f"{at}.image"))
    elif image != image.strip():
        errors.append(invalid(f"{at}.image", image, "must not have leading or trailing whitespace"))
    for field, allowed in (
        ("imagePullPolicy", PULL_POLICIES),
        ("terminationMessagePolicy", TERMINATION_POLICIES),
    ):
        if container.get(field) and container[field] not in allowed:
            errors.append(unsupported(f"{at}.{field}", container[field], allowed))
    if container.get("ports"):
        errors += _ports(container["ports"], f"{at}.ports")
    if container.get("env"):
        errors += _env(container["env"], f"{at}.env")
    if container.get("resources"):
        errors += check_resources(container["resources"], f"{at}.resources")
    if container.get("volumeMounts"):
        errors += _mounts(container["volumeMounts"], f"{at}.volumeMounts", volumes)
    for field in _PROBES:
        if field in container:
            errors += _probe(container[field], f"{at}.{field}")
    return errors


def _ports(ports: list[dict[str, Any]], path: str) -> list[FieldError]:
    errors, seen = [], set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        for field in ("containerPort", "hostPort"):
            number = port.get(field)
            if number is not None and not 1 <= number <= 65535:
                errors.append(invalid(f"{at}.{field}", number, "must be between 1 and 65535"))
        if port.get("protocol") not in PROTOCOLS:
            errors.append(unsupported(f"{at}.protocol", port.get("protocol") or "", PROTOCOLS))
        name = port.get("name")
        if name and len(name) > 15:
            errors.append(invalid(f"{at}.name", name, "must be no more than 15 characters"))
        if name and name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
    return errors


def _env(env: list[dict[str, Any]], path: str) -> list[FieldError]:
    errors = []
    for index, variable in enumerate(env):
        at = f"{path}[{index}]"
        name = variable.get("name") or ""
        if not name:
            errors.append(required(f"{at}.name"))
        elif "=" in name or not name.isprintable():
            why = "a valid environment variable name must consist only of printable ASCII "
            errors.append(invalid(f"{at}.name", name, why + "characters other than '='"))
        if "valueFrom" in variable:
            errors += _value_from(variable, f"{at}.valueFrom")
    return errors


def _value_from(variable: dict[str, Any], at: str) -> list[FieldError]:
    source = variable["valueFrom"]
    if variable.get("value"):
        return [invalid(at, "", "may not be specified when `value` is not empty")]
    if len(source) != 1:
        shown_keys = ", ".join(sorted(source)) or "none"
        return [invalid(at, shown_keys, "must specify exactly one source")]
    kind, reference = next(iter(source.items()))
    needed = {"fieldRef": ("fieldPath",), "resourceFieldRef": ("resource",)}
    fields = needed.get(kind, ("name", "key") if kind.endswith("KeyRef") else ())
    return [required(f"{at}.{kind}.{field}") for field in fields if not reference.get(field)]


def check_resources(resources: dict[str, Any], path: str) -> list[FieldError]:
    """Check that quantities are quantities, and that requests fit in their limits."""
    errors: list[FieldError] = []
    read: dict[str, dict[str, Any]] = {}
    for part in ("limits", "requests"):
        read[part] = {}
        for name, value in (resources.get(part) or {}).items():
            at = f"{path}.{part}[{name}]"
            try:
                read[part][name] = parse_quantity(value, at)
            except InvalidField as wrong:
                errors.append(invalid(at, value, wrong.message))
    for name, asked in read["requests"].items():
        limit = read["limits"].get(name)
        if limit is not None and asked > limit:
            text = resources["limits"][name]
            why = f"must be less than or equal to {name} limit of {text}"
            errors.append(invalid(f"{path}.requests", resources["requests"][name], why))
    return errors


def _mounts(mounts: list[dict[str, Any]], path: str, volumes: set[str]) -> list[FieldError]:
    errors, seen = [], set()
    for index, mount in enumerate(mounts):
        at = f"{path}[{index}]"
        name, where = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{at}.name"))
        elif name not in volumes:
            errors.append(
                FieldError(f"{at}.name", f"Not found: {shown(name)}", "FieldValueNotFound")
            )
        if not where:
            errors.append(required(f"{at}.mountPath"))
        if where and where in seen:
            errors.append(invalid(f"{at}.mountPath", where, "must be unique"))
        seen.add(where)
        sub = mount.get("subPath") or ""
        if sub.startswith("/"):
            errors.append(invalid(f"{at}.subPath", sub, "must be a relative path"))
        if ".." in sub.split("/"):
            errors.append(invalid(f"{at}.subPath", sub, "must not contain '..'"))
    return errors


def _probe(probe: dict[str, Any], at: str) -> list[FieldError]:
    errors = []
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        errors.append(required(at, "must specify a handler type"))
    for extra in handlers[1:]:
        errors.append(forbidden(f"{at}.{extra}", "may not specify more than 1 handler type"))
    if "grpc" in probe:
        errors.append(forbidden(f"{at}.grpc", "is not offered; use exec, httpGet or tcpSocket"))
    for handler in ("httpGet", "tcpSocket"):
        if (probe.get(handler) or {}).get("host"):
            errors.append(forbidden(f"{at}.{handler}.host", "a probe asks its own Pod only"))
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds"):
        if (probe.get(field) or 0) < 0:
            why = "must be greater than or equal to 0"
            errors.append(invalid(f"{at}.{field}", probe[field], why))
    return errors
