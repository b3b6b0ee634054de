"""Which operations a resource has at which paths, in terms that both OpenAPI versions share.

Clients read them: kubectl looks for `fieldValidation` and `dryRun` among the parameters of a
kind's PATCH, and finds the kind of a resource by its path. Next: `openapi_v3.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from busbar.apis.kubernetes.schemas.definitions import META, definition_name, is_own
from busbar.model.resources import Resource

STATUS: Final = META + "Status"
PATCH_BODY: Final = META + "Patch"
DELETE_OPTIONS: Final = META + "DeleteOptions"
PATCH_TYPES: Final = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)
STRATEGIC: Final = "application/strategic-merge-patch+json"


class Parameter(NamedTuple):
    """A parameter in the query."""

    name: str
    type: str
    description: str


class Operation(NamedTuple):
    """One method at one path. `body` and `answer` are definitions."""

    path: str
    method: str
    action: str
    resource: Resource
    answer: str
    body: str = ""
    parameters: tuple[Parameter, ...] = ()

    @property
    def media_types(self) -> tuple[str, ...]:
        """Give what the body may be. Clients choose how they patch by it."""
        if self.method != "patch":
            return ("application/json",)
        return PATCH_TYPES if is_own(self.resource) else (*PATCH_TYPES, STRATEGIC)

    @property
    def id(self) -> str:
        """Give an identifier that is unique among all operations."""
        words = [self.method, *self.path.strip("/").replace("{", "").replace("}", "").split("/")]
        return "".join(part.title() for word in words for part in word.replace("-", ".").split("."))


_DRY_RUN: Final = Parameter("dryRun", "string", "All: do everything but store the result.")
_MANAGER: Final = Parameter("fieldManager", "string", "Who owns the fields that are written.")
_VALIDATION: Final = Parameter(
    "fieldValidation", "string", "Strict, Warn or Ignore unknown and duplicate fields."
)
_FORCE: Final = Parameter("force", "boolean", "Apply: take fields over from other managers.")
_WRITE: Final = (_DRY_RUN, _MANAGER, _VALIDATION)
_LIST: Final = (
    Parameter("allowWatchBookmarks", "boolean", "Send BOOKMARK events in a watch."),
    Parameter("continue", "string", "Go on with a list at this token."),
    Parameter("fieldSelector", "string", "Only objects with these fields."),
    Parameter("labelSelector", "string", "Only objects with these labels."),
    Parameter("limit", "integer", "At most so many objects at once."),
    Parameter("resourceVersion", "string", "List or watch from this version."),
    Parameter("resourceVersionMatch", "string", "How resourceVersion is meant."),
    Parameter("sendInitialEvents", "boolean", "Start a watch with what there is."),
    Parameter("timeoutSeconds", "integer", "End a watch after this time."),
    Parameter("watch", "boolean", "Send changes as they happen."),
)
_DELETE: Final = (
    _DRY_RUN,
    Parameter("gracePeriodSeconds", "integer", "Time to end in."),
    Parameter("propagationPolicy", "string", "Orphan, Background or Foreground."),
)


def root(resource: Resource) -> str:
    """Give the path of a group version: `/api/v1`, `/apis/batch/v1`."""
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"


def operations(resources: Iterable[Resource]) -> Iterator[Operation]:
    """Give every operation of the resources."""
    for resource in resources:
        yield from _of(resource)


def _of(resource: Resource) -> Iterator[Operation]:
    name = definition_name(resource)
    base, plural = root(resource), resource.plural
    collection = f"{base}/{plural}"
    if resource.namespaced:
        yield Operation(collection, "get", "list", resource, name + "List", parameters=_LIST)
        collection = f"{base}/namespaces/{{namespace}}/{plural}"
    item = f"{collection}/{{name}}"
    yield Operation(collection, "get", "list", resource, name + "List", parameters=_LIST)
    yield Operation(item, "get", "get", resource, name)
    if not resource.read_only:
        yield Operation(collection, "post", "post", resource, name, name, _WRITE)
        yield Operation(
            collection, "delete", "deletecollection", resource, STATUS, DELETE_OPTIONS, _LIST
        )
        yield from _writes(item, resource, name)
        yield Operation(item, "delete", "delete", resource, STATUS, DELETE_OPTIONS, _DELETE)
    if resource.has_status:
        yield Operation(f"{item}/status", "get", "get", resource, name)
        if not resource.read_only:
            yield from _writes(f"{item}/status", resource, name)


def _writes(path: str, resource: Resource, name: str) -> Iterator[Operation]:
    yield Operation(path, "put", "put", resource, name, name, _WRITE)
    yield Operation(path, "patch", "patch", resource, name, PATCH_BODY, (*_WRITE, _FORCE))


def path_parameters(path: str) -> list[str]:
    """Give the names in braces."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


PATH_TEXT: Final = {
    "name": "Name of the object.",
    "namespace": "Namespace of the object.",
}
