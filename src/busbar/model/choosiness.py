"""What a vendor holds back: how much one consumer may take of an offer, and what it will not run.

`limits` and `refuses` of an Offer, read. Both are closed lists of dimensions. Next: `requests.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.objects import containers_of
from busbar.model.quantities import milli, parse_quantity, whole
from busbar.model.time import parse_duration

WHOLE_PPM: Final = 1_000_000
PATTERNS_MAX: Final = 64
_PATTERN_MAX: Final = 256


class Feature(StrEnum):
    """What a workload may ask for beyond the ordinary. A closed list."""

    ROOT = "Root"
    """A container whose user is stated to be 0."""
    PRIVILEGED = "Privileged"
    ADDED_CAPABILITIES = "AddedCapabilities"
    SHARED_PROCESSES = "SharedProcesses"
    GPU = "Gpu"


class Limit(NamedTuple):
    """The most that one consumer may have of an offer in any slot; None: no such limit."""

    share_ppm: int | None = None
    cpu_milli: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    ephemeral_bytes: int | None = None


class Refuses(NamedTuple):
    """What a vendor will not run: patterns of namespaces and images, features, a length in ms."""

    namespaces: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    longer_than_ms: int | None = None


NO_LIMIT: Final = Limit()
REFUSES_NOTHING: Final = Refuses()


class Traits(NamedTuple):
    """What a vendor may mind about a workload."""

    namespace: str
    images: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    length_ms: int = 0


def minds(refuses: Refuses, traits: Traits) -> bool:
    """Say whether a vendor will not run a workload."""
    return (
        any(fnmatchcase(traits.namespace, pattern) for pattern in refuses.namespaces)
        or any(fnmatchcase(i, pattern) for i in traits.images for pattern in refuses.images)
        or not set(refuses.features).isdisjoint(traits.features)
        or (refuses.longer_than_ms is not None and traits.length_ms > refuses.longer_than_ms)
    )


def traits_of(spec: Mapping[str, Any], namespace: str, gpus: int, length_ms: int) -> Traits:
    """Read what of a Pod's spec a vendor may mind."""
    containers = containers_of(spec)
    images = {str(one.get("image") or "") for one in containers}
    found = {Feature.GPU} if gpus else set()
    if spec.get("shareProcessNamespace"):
        found.add(Feature.SHARED_PROCESSES)
    pod = spec.get("securityContext") or {}
    for container in containers:
        own = container.get("securityContext") or {}
        if own.get("runAsUser", pod.get("runAsUser")) == 0:
            found.add(Feature.ROOT)
        if own.get("privileged"):
            found.add(Feature.PRIVILEGED)
        if (own.get("capabilities") or {}).get("add"):
            found.add(Feature.ADDED_CAPABILITIES)
    return Traits(namespace, tuple(sorted(images)), tuple(sorted(found)), length_ms)


def read_limit(said: object, path: str) -> Limit:
    """Read `limits.perNamespace` of an Offer."""
    per = _object(said, path).get("perNamespace")
    path = f"{path}.perNamespace"
    given = _object(per, path)
    readers = {"cpu": milli, "memory": whole, "gpus": whole, "ephemeralStorage": whole}
    _only(given, ("share", *readers), path)
    amounts = [
        read(given[name], f"{path}.{name}") if name in given else None
        for name, read in readers.items()
    ]
    share = _share(given["share"], f"{path}.share") if "share" in given else None
    return Limit(share, *amounts)


def _share(value: object, path: str) -> int:
    """Read a share: `25%` or 0.25, as millionths."""
    text = str(value)
    percent = text.endswith("%")
    ppm = parse_quantity(text.removesuffix("%"), path) * (WHOLE_PPM // (100 if percent else 1))
    if not 0 < ppm <= WHOLE_PPM or ppm != int(ppm):
        raise InvalidField(path, 'must be above 0 and at most 100%, such as "25%"')
    return int(ppm)


def read_refuses(said: object, path: str) -> Refuses:
    """Read `refuses` of an Offer."""
    given = _object(said, path)
    _only(given, ("namespaces", "images", "features", "longerThan"), path)
    features = _strings(given.get("features"), f"{path}.features")
    known = [feature.value for feature in Feature]
    for i, feature in enumerate(features):
        if feature not in known:
            raise InvalidField(f"{path}.features[{i}]", f"must be one of {', '.join(known)}")
    longest = given.get("longerThan")
    return Refuses(
        _strings(given.get("namespaces"), f"{path}.namespaces"),
        _strings(given.get("images"), f"{path}.images"),
        tuple(sorted(map(Feature, features))),
        None if longest is None else parse_duration(longest, f"{path}.longerThan"),
    )


def _object(value: object, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidField(path, "must be an object")
    return value


def _only(given: Mapping[str, Any], names: tuple[str, ...], path: str) -> None:
    for name in given:
        if name not in names:
            raise InvalidField(f"{path}.{name}", f"must be one of {', '.join(names)}")


def _strings(value: object, path: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > PATTERNS_MAX:
        raise InvalidField(path, f"must list at most {PATTERNS_MAX} patterns")
    for i, one in enumerate(value):
        if not isinstance(one, str) or not 0 < len(one) <= _PATTERN_MAX:
            message = f"must be a name or pattern of at most {_PATTERN_MAX} characters"
            raise InvalidField(f"{path}[{i}]", message)
    return tuple(sorted(set(value)))
