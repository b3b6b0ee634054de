"""Every write of the door, from a request's body to the object to be stored.

One order for all: read (unknown fields, types), put in the server's own metadata, defaults,
validation, field ownership. The caller stores `Prepared.obj` (nothing where `changed` is false),
with the precondition that the object is still the one handed in. Next: `json_patch.py`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served
from busbar.model.objects import Object
from busbar.model.time import Instant

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
PATCH_TYPES: Final = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


class Request(NamedTuple):
    """Who writes, when, and how strictly the body is read."""

    manager: str
    """Field manager: the `fieldManager` parameter, or the User-Agent up to its first `/`."""
    now: Instant
    field_validation: str = "Warn"
    """Strict, Warn or Ignore."""
    force: bool = False
    """Server-side apply: take fields over from other managers."""


class Fresh(NamedTuple):
    """What a new object gets from the server: its namespace, uid, and a suffix for generateName."""

    namespace: str
    uid: str
    suffix: str


class Prepared(NamedTuple):
    """The object to store; `warnings` go into Warning headers; `created` only for an apply."""

    obj: Object
    warnings: tuple[str, ...] = ()
    changed: bool = True
    created: bool = False


def create(served: Served, body: dict[str, Any], fresh: Fresh, by: Request) -> Prepared | Refusal:
    """Prepare a new object. `body` is changed in place and belongs to the result."""
    raise NotImplementedError


def update(
    served: Served, body: dict[str, Any], old: Object, by: Request, *, subresource: str = ""
) -> Prepared | Refusal:
    """Prepare a replacement (PUT); `subresource` is "" or "status"."""
    raise NotImplementedError


def patch(
    served: Served,
    patch_type: str,
    body: Any,
    old: Object | None,
    by: Request,
    *,
    name: str,
    fresh: Fresh,
    subresource: str = "",
) -> Prepared | Refusal:
    """Prepare a patch. `old` None is refused with 404, but for server-side apply, which creates."""
    raise NotImplementedError
