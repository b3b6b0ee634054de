"""What is served: for each resource its shape and its validator, compiled once. Next: `fast.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple, Protocol

from busbar.apis.kubernetes.schemas import definitions, fast, shapes
from busbar.model.resources import RESOURCES, REVIEWS, Resource


class Checks(Protocol):
    """A compiled JSON schema: says yes or no, fast."""

    def is_valid(self, instance: Any) -> bool:
        """Say whether the schema holds."""

    def iter_errors(self, instance: Any) -> Iterator[Any]:
        """Give every complaint (jsonschema_rs.ValidationError)."""


class Served(NamedTuple):
    """A resource with what its schema compiles to."""

    resource: Resource
    shape: shapes.Shape
    strict: Checks
    """Yes means: right types, nothing unknown, no nulls, metadata well formed."""

    @property
    def qualified(self) -> str:
        """Give `jobs.batch`, or `pods` for the core group: how refusals name a resource."""
        resource = self.resource
        return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


class Registry:
    """The served resources by (group, version, plural) and by (group, version, kind)."""

    def __init__(self, resources: Iterable[Resource] = RESOURCES) -> None:
        self.resources = tuple(resources)
        loaded = definitions.load(self.resources)
        compiler = shapes.Compiler(loaded)
        strict = fast.Strict(loaded)
        self._by_plural: dict[tuple[str, str, str], Served] = {}
        self._by_kind: dict[tuple[str, str, str], Served] = {}
        for resource in (*self.resources, *REVIEWS):
            name = definitions.definition_name(resource)
            served = Served(resource, compiler.definition(name), strict.validator(name, resource))
            self._by_plural[resource.group, resource.version, resource.plural] = served
            self._by_kind[resource.group, resource.version, resource.kind] = served
        self._reviews = {
            (*_gvk(loaded[name]),): compiler.definition(name)
            for name in (*definitions.THEIR_REVIEWS, definitions.META + "DeleteOptions")
            if name in loaded
        }

    def by_plural(self, group: str, version: str, plural: str) -> Served | None:
        """Find what serves a path; None where nothing does."""
        return self._by_plural.get((group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> Served | None:
        """Find what serves a kind; None where nothing does."""
        return self._by_kind.get((group, version, kind))

    def served(self, resource: Resource) -> Served:
        """Give what a resource of the model compiles to."""
        return self._by_kind[resource.group, resource.version, resource.kind]

    def review(self, group: str, version: str, kind: str) -> shapes.Shape | None:
        """Give the shape of a kind that is posted but never stored (SelfSubjectAccessReview, …)."""
        return self._reviews.get((group, version, kind))


def _gvk(schema: dict[str, Any]) -> tuple[str, str, str]:
    for gvk in schema["x-kubernetes-group-version-kind"]:
        if gvk["version"] == "v1" or len(schema["x-kubernetes-group-version-kind"]) == 1:
            return (gvk["group"], gvk["version"], gvk["kind"])
    raise LookupError("a review without its kind")


@cache
def registry() -> Registry:
    """Give the registry of everything served; compiled at the first call."""
    return Registry()
