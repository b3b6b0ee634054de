"""Where the schemas come from: the published Kubernetes definitions and the project's Structs.

The package's file holds every kind of Kubernetes (1.8 MB). Only what the served kinds reach is
parsed, and put back into the form of OpenAPI: the package writes nullable types and enums of
apiVersion, for other validators. Nothing here is kept: the registry compiles it to shapes and
validators, `openapi.py` writes documents. Next: `shapes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from inspect import cleandoc
from typing import Any

import msgspec

from busbar.apis.kubernetes.schemas import amendments
from busbar.model.kinds import OWN_KINDS, OWN_REVIEWS, OwnKind
from busbar.model.resources import RESOURCES, REVIEWS, Resource

Schema = dict[str, Any]
Definitions = dict[str, Schema]

KUBERNETES_VERSION = "1.37.0"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
OBJECT_META = META + "ObjectMeta"
LIST_META = META + "ListMeta"
REF = "#/definitions/"

_PACKAGE_REF = "#/$defs/"
_REFERENCE = re.compile(rb'"#/\$defs/([^"]+)"')
_GROUP_PACKAGES = {"": "core", "coordination.k8s.io": "coordination"}
THEIR_REVIEWS = (
    "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    "io.k8s.api.core.v1.Binding",
    "io.k8s.api.autoscaling.v1.Scale",
)
"""Kinds of Kubernetes that are posted and answered but never stored."""
_ALSO = (
    *THEIR_REVIEWS,
    *(META + kind for kind in ("DeleteOptions", "Status", "Patch", "WatchEvent")),
)


def definition_name(resource: Resource) -> str:
    """Give the definition of a served kind: `io.k8s.api.core.v1.Pod`, `dev.busbar.v1alpha1.Job`."""
    if is_own(resource):
        return f"{_reversed(resource.group)}.{resource.version}.{resource.kind}"
    package = _GROUP_PACKAGES.get(resource.group, resource.group)
    return f"io.k8s.api.{package}.{resource.version}.{resource.kind}"


_OWN_GROUPS = frozenset(own.group for own in OWN_KINDS)


def is_own(resource: Resource) -> bool:
    """Say whether a kind is the project's and not Kubernetes'."""
    return resource.stored_group in _OWN_GROUPS


def _reversed(group: str) -> str:
    return ".".join(reversed(group.split(".")))


def load(resources: Iterable[Resource] = RESOURCES) -> Definitions:
    """Give the definitions that the resources and the reviews need, in the form of OpenAPI v2."""
    wanted = list(resources)
    theirs = [definition_name(r) for r in wanted if not is_own(r)]
    found = _reachable([*theirs, *(name + "List" for name in theirs), *_ALSO])
    amendments.amend(found)
    for resource in wanted:
        if is_own(resource):
            found.update(_own(resource))
    for resource in REVIEWS:
        # Nothing of them is stored, so there is no list; one without a question asks nothing.
        name = definition_name(resource)
        found.update(_own(resource))
        del found[name + "List"]
        found[name]["required"] = ["spec"]
    return found


def _reachable(roots: Iterable[str]) -> Definitions:
    """Parse the roots and what they refer to, and nothing else of the package's file."""
    package = files("kubernetes_validate") / "kubernetes-json-schema"
    path = package / f"v{KUBERNETES_VERSION}-local" / "_definitions.json"
    raw = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    by_name = msgspec.json.decode(raw["$defs"], type=dict[str, msgspec.Raw])
    found: Definitions = {}
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in found and name in by_name:
            text = bytes(by_name[name])
            found[name] = _plain(name, msgspec.json.decode(text))
            todo.extend(match.decode() for match in _REFERENCE.findall(text))
    return dict(sorted(found.items()))


def _plain(name: str, schema: Schema) -> Schema:
    """Put a definition of the package back into the form that Kubernetes publishes."""
    if name == QUANTITY:
        return {"description": _QUANTITY_IS, "type": "string"}
    if name == INT_OR_STRING:
        return {"description": _INT_OR_STRING_IS, "type": "string", "format": "int-or-string"}
    plain: Schema = _rewrite(schema, _without_null)
    for field in ("apiVersion", "kind"):
        plain.get("properties", {}).get(field, {}).pop("enum", None)
    return plain


_QUANTITY_IS = "Quantity is a fixed-point number such as 500m, 2 or 4Gi."
_INT_OR_STRING_IS = "IntOrString holds an integer or a string, such as a port's number or name."


def _rewrite(node: Any, change: Callable[[Schema], Schema], *, names: bool = False) -> Any:
    """Change every schema in a schema; `names` says that the keys are property names."""
    if isinstance(node, dict):
        found = {
            key: _rewrite(value, change, names=key == "properties" and not names)
            for key, value in node.items()
        }
        return found if names else change(found)
    if isinstance(node, list):
        return [_rewrite(item, change) for item in node]
    return node


def _without_null(schema: Schema) -> Schema:
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        rest = [kind for kind in kinds if kind != "null"]
        schema["type"] = rest[0] if len(rest) == 1 else rest
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith(_PACKAGE_REF):
        schema["$ref"] = REF + ref[len(_PACKAGE_REF) :]
    return schema


def _own(resource: Resource) -> Definitions:
    """Give the definitions of an own kind: itself, its parts and its list."""
    own = _own_kind(resource)
    parts = f"{_reversed(own.group)}.{own.version}."
    schema = own.json_schema()

    def refer(node: Schema) -> Schema:
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith(_PACKAGE_REF):
            node["$ref"] = REF + parts + ref[len(_PACKAGE_REF) :]
        return _readable(node)

    found = {parts + name: _rewrite(part, refer) for name, part in schema["$defs"].items()}
    name = definition_name(resource)
    gvk = {"group": resource.group, "version": resource.version}
    properties = _rewrite(schema["properties"], refer, names=True)
    found[name] = {
        "description": schema["description"],
        "type": "object",
        "properties": {**_TYPE_META, "metadata": {"$ref": REF + OBJECT_META}, **properties},
        "x-kubernetes-group-version-kind": [{**gvk, "kind": resource.kind}],
    }
    found[name + "List"] = {
        "description": f"A list of {resource.kind}.",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_TYPE_META,
            "metadata": {"$ref": REF + LIST_META},
            "items": {"type": "array", "items": {"$ref": REF + name}},
        },
        "x-kubernetes-group-version-kind": [{**gvk, "kind": resource.kind + "List"}],
    }
    return found


def _readable(node: Schema) -> Schema:
    """Put msgspec's form into OpenAPI's: `X or null` is X, other unions become `oneOf`."""
    if isinstance(node.get("description"), str):
        # Descriptions are docstrings, indented as the code around them.
        node["description"] = cleandoc(node["description"])
    if "enum" in node and all(isinstance(value, str) for value in node["enum"]):
        node.setdefault("type", "string")
    if node.get("type") == "array":
        # A list of anything; readers of the documents insist on a schema for the items.
        node.setdefault("items", {})
    members = node.pop("anyOf", None)
    if members is None:
        return node
    real = [member for member in members if member.get("type") != "null"]
    if len(real) == 1:
        node = {**real[0], **node}
    elif real:
        node["oneOf"] = _without_integer_in_number(real)
    if node.get("default", 0) is None:
        del node["default"]
    return node


def _without_integer_in_number(members: list[Schema]) -> list[Schema]:
    """Drop `integer` beside `number`: oneOf wants exactly one to hold."""
    if {"type": "number"} in members:
        return [member for member in members if member != {"type": "integer"}]
    return members


def _own_kind(resource: Resource) -> OwnKind:
    for own in (*OWN_KINDS, *OWN_REVIEWS):
        if (own.group, own.plural) == (resource.stored_group, resource.plural):
            return own
    raise LookupError(f"no own kind serves {resource.group}/{resource.plural}")


_TYPE_META: Schema = {
    "apiVersion": {
        "type": "string",
        "description": "Version of the schema this object is written in.",
    },
    "kind": {"type": "string", "description": "What this object is, in CamelCase."},
}
