"""What a Pod names: the ConfigMaps and Secrets that must be fetched before it can start.

Next: `environment.py` and `volumes.py`, which use what was fetched.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from busbar.agent.api import Api, ApiRefused
from busbar.agent.refusals import PodRefused, Reason
from busbar.model.objects import Object, containers_of, namespace_of, spec_of


class Reference(NamedTuple):
    """A ConfigMap or Secret by name; `resource` is the plural."""

    resource: str
    name: str
    optional: bool = False


class Sources:
    """The contents that were fetched, by reference."""

    def __init__(self, found: dict[tuple[str, str], dict[str, bytes]]) -> None:
        self._found = found

    def keys(self, resource: str, name: str, path: str, optional: bool) -> dict[str, bytes]:
        """Give all keys of one; refuses where it is missing and not optional."""
        found = self._found.get((resource, name))
        if found is not None:
            return found
        if optional:
            return {}
        kind = "ConfigMap" if resource == "configmaps" else "Secret"
        raise PodRefused(
            Reason.VOLUME_NOT_FOUND,
            f"{path}: {kind} {name!r} does not exist in the namespace; create it",
            retry=True,
        )

    def value(self, resource: str, name: str, key: str, path: str, optional: bool) -> bytes | None:
        """Give one key's value; None where it is optional and missing."""
        keys = self.keys(resource, name, path, optional)
        if key in keys or optional:
            return keys.get(key)
        raise PodRefused(
            Reason.VOLUME_NOT_FOUND, f"{path}: {name!r} has no key {key!r}; add it", retry=True
        )


def references(pod: Object) -> Iterator[Reference]:
    """Give every ConfigMap and Secret that a Pod's environment and volumes name."""
    spec = spec_of(pod)
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume)
    for container in containers_of(spec):
        for entry in container.get("envFrom") or ():
            yield from _maybe(entry, "configMapRef", "configmaps")
            yield from _maybe(entry, "secretRef", "secrets")
        for entry in container.get("env") or ():
            source = entry.get("valueFrom") or {}
            yield from _maybe(source, "configMapKeyRef", "configmaps")
            yield from _maybe(source, "secretKeyRef", "secrets")


def _of_volume(volume: Object) -> Iterator[Reference]:
    if "configMap" in volume:
        source = volume["configMap"]
        yield Reference("configmaps", source.get("name", ""), bool(source.get("optional")))
    if "secret" in volume:
        source = volume["secret"]
        yield Reference("secrets", source.get("secretName", ""), bool(source.get("optional")))
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _maybe(source, "configMap", "configmaps")
        yield from _maybe(source, "secret", "secrets")


def _maybe(holder: Object, field: str, resource: str) -> Iterator[Reference]:
    found = holder.get(field)
    if found:
        yield Reference(resource, found.get("name", ""), bool(found.get("optional")))


async def fetch(api: Api, pod: Object) -> Sources:
    """Fetch what a Pod names. What does not exist is left out: whether that matters shows later."""
    found: dict[tuple[str, str], dict[str, bytes]] = {}
    for reference in set(references(pod)):
        name = quote(reference.name, safe="")
        path = f"/api/v1/namespaces/{namespace_of(pod)}/{reference.resource}/{name}"
        try:
            found[(reference.resource, reference.name)] = _contents(await api.get(path))
        except ApiRefused as refused:
            if refused.code not in (403, 404):
                raise
    return Sources(found)


def _contents(obj: Object) -> dict[str, bytes]:
    plain = obj.get("kind") != "Secret"
    data = {
        key: value.encode() if plain else base64.b64decode(value)
        for key, value in (obj.get("data") or {}).items()
    }
    for key, value in (obj.get("binaryData") or {}).items():
        data[key] = base64.b64decode(value)
    return data
