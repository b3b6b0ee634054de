"""Which operations a resource has at which paths, in terms that both OpenAPI versions share.

Clients read them: kubectl looks for `fieldValidation` and `dryRun` among the parameters of a
kind's PATCH, and finds the kind of a resource by its path. Next: `openapi_v3.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from busbar.apis.kubernetes.schemas.definitions import META, definition_name, is_own
from busbar.model.resources import REVIEWS, Resource

JSON: Final = "application/json"
TEXT: Final = ""
"""An answer that is plain text and no object."""
STATUS: Final = META + "Status"
_CORE: Final = "io.k8s.api.core.v1."
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


class Gvk(NamedTuple):
    """Group, version and kind that an operation is about."""

    group: str
    version: str
    kind: str

    @property
    def root(self) -> str:
        """Give the path of the group version: `/api/v1`, `/apis/batch/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


class Operation(NamedTuple):
    """One method at one path of a group version. `body` and `answer` are definitions."""

    root: str
    path: str
    method: str
    action: str
    gvk: Gvk
    answer: str
    body: str = ""
    parameters: tuple[Parameter, ...] = ()
    media_types: tuple[str, ...] = (JSON,)
    """What the body may be. Clients choose how they patch by it."""

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


_LOG: Final = (
    Parameter("container", "string", "Which container; the only one if there is one."),
    Parameter("follow", "boolean", "Go on with what is written from now on."),
    Parameter("limitBytes", "integer", "At most so many bytes."),
    Parameter("previous", "boolean", "Of the container before its last restart."),
    Parameter("sinceSeconds", "integer", "Not older than this."),
    Parameter("sinceTime", "string", "Not older than this (RFC 3339)."),
    Parameter("tailLines", "integer", "Only the last lines."),
    Parameter("timestamps", "boolean", "Each line with its time."),
)
_REVIEWS: Final = (
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
)


def root(resource: Resource) -> str:
    """Give the path of a resource's group version."""
    return Gvk(resource.group, resource.version, resource.kind).root


def operations(resources: Iterable[Resource]) -> Iterator[Operation]:
    """Give every operation of the resources, and of the kinds that are posted but never stored."""
    for resource in resources:
        yield from _of(resource)
    for resource in REVIEWS:
        gvk = Gvk(resource.group, resource.version, resource.kind)
        path = f"{gvk.root}/namespaces/{{namespace}}/{resource.plural}"
        name = definition_name(resource)
        yield Operation(gvk.root, path, "post", "post", gvk, name, name, _WRITE)
    for group, kind, plural in _REVIEWS:
        gvk = Gvk(group, "v1", kind)
        name = f"io.k8s.api.{group.partition('.')[0]}.v1.{kind}"
        path = f"{gvk.root}/{plural}"
        yield Operation(gvk.root, path, "post", "post", gvk, name, name, (_DRY_RUN,))


def _of(resource: Resource) -> Iterator[Operation]:
    gvk = Gvk(resource.group, resource.version, resource.kind)
    name, at = definition_name(resource), gvk.root
    every = f"{at}/{resource.plural}"
    some = f"{at}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else every
    one = f"{some}/{{name}}"
    if resource.namespaced:
        yield Operation(at, every, "get", "list", gvk, name + "List", parameters=_LIST)
    yield Operation(at, some, "get", "list", gvk, name + "List", parameters=_LIST)
    yield Operation(at, one, "get", "get", gvk, name)
    if not resource.read_only:
        yield Operation(at, some, "post", "post", gvk, name, name, _WRITE)
        yield Operation(at, some, "delete", "deletecollection", gvk, STATUS, DELETE_OPTIONS, _LIST)
        yield from _writes(one, gvk, resource)
        yield Operation(at, one, "delete", "delete", gvk, STATUS, DELETE_OPTIONS, _DELETE)
    if resource.has_status:
        yield Operation(at, f"{one}/status", "get", "get", gvk, name)
        if not resource.read_only:
            yield from _writes(f"{one}/status", gvk, resource)
    yield from _subresources(one, gvk)


def _writes(path: str, gvk: Gvk, resource: Resource) -> Iterator[Operation]:
    name = definition_name(resource)
    yield Operation(gvk.root, path, "put", "put", gvk, name, name, _WRITE)
    types = PATCH_TYPES if is_own(resource) else (*PATCH_TYPES, STRATEGIC)
    more = (*_WRITE, _FORCE)
    yield Operation(gvk.root, path, "patch", "patch", gvk, name, PATCH_BODY, more, types)


def _subresources(one: str, gvk: Gvk) -> Iterator[Operation]:
    if gvk == ("", "v1", "Pod"):
        binding, name = Gvk("", "v1", "Binding"), _CORE + "Binding"
        yield Operation(gvk.root, f"{one}/log", "get", "get", gvk, TEXT, parameters=_LOG)
        yield Operation(gvk.root, f"{one}/binding", "post", "post", binding, STATUS, name)
    if gvk == ("", "v1", "ServiceAccount"):
        token = Gvk("authentication.k8s.io", "v1", "TokenRequest")
        name = "io.k8s.api.authentication.v1.TokenRequest"
        yield Operation(gvk.root, f"{one}/token", "post", "post", token, name, name)
    if gvk.group == "apps":
        scale, name = Gvk("autoscaling", "v1", "Scale"), "io.k8s.api.autoscaling.v1.Scale"
        at, types = f"{one}/scale", PATCH_TYPES[1:]
        yield Operation(gvk.root, at, "get", "get", scale, name)
        yield Operation(gvk.root, at, "put", "put", scale, name, name, _WRITE)
        yield Operation(gvk.root, at, "patch", "patch", scale, name, PATCH_BODY, _WRITE, types)


def path_parameters(path: str) -> list[str]:
    """Give the names in braces."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


PATH_TEXT: Final = {
    "name": "Name of the object.",
    "namespace": "Namespace of the object.",
}
