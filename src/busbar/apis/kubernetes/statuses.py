"""How the door says no: every error a client sees is a metav1.Status made here.

`schemas/refusals.py` has the form and what validation says; this module has what HTTP adds (not
found, not allowed, gone, too large) and how a store's refusal reads. A `RefusedRequest` cuts
through a handler, and `app.py` writes it. Next: `routes.py`.

Source of codes, reasons and wording: k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Sequence

from busbar.apis.kubernetes.schemas.refusals import (
    MODIFIED,
    Cause,
    FieldError,
    Refusal,
    unprocessable,
)
from busbar.model.objects import Key
from busbar.model.resources import Resource
from busbar.store.contract import Refused, Why

Header = tuple[bytes, bytes]
CLOSE: Header = (b"connection", b"close")


class RefusedRequest(Exception):
    """A request that ends with a Status. `kind` is the resource or kind it is about."""

    def __init__(
        self,
        refusal: Refusal,
        *,
        group: str = "",
        kind: str = "",
        name: str = "",
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.headers = headers
        self._about = (group, kind, name)

    def status(self) -> dict[str, object]:
        """Write it as a metav1.Status."""
        group, kind, name = self._about
        return self.refusal.status(group=group, kind=kind, name=name)


def qualified(resource: Resource) -> str:
    """Give `jobs.batch`, or `pods` for the core group."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def about(resource: Resource, name: str, refusal: Refusal) -> RefusedRequest:
    """Refuse a request about an object of a resource."""
    kind = resource.kind if refusal.code == 422 else resource.plural
    return RefusedRequest(refusal, group=resource.group, kind=kind, name=name)


def bad_request(message: str) -> RefusedRequest:
    """400: the request could not be understood."""
    return RefusedRequest(Refusal(400, "BadRequest", message))


def unauthorized(why: str = "Unauthorized") -> RefusedRequest:
    """401: nobody knows who is asking."""
    return RefusedRequest(Refusal(401, "Unauthorized", why))


def forbidden(resource: Resource, name: str, why: str) -> RefusedRequest:
    """403 on an object, whoever asks: `why` is a clause."""
    what = f'{qualified(resource)} "{name}"' if name else qualified(resource)
    return about(resource, name, Refusal(403, "Forbidden", f"{what} is forbidden: {why}"))


def not_served(path: str) -> RefusedRequest:
    """404: no such path; the sentence is the one clients of Kubernetes look for."""
    shown = path if len(path) <= 200 else path[:197] + "..."
    message = f"the server could not find the requested resource ({shown})"
    return RefusedRequest(Refusal(404, "NotFound", message))


def not_found(resource: Resource, name: str) -> RefusedRequest:
    """404: no such object."""
    message = f'{qualified(resource)} "{name}" not found'
    return about(resource, name, Refusal(404, "NotFound", message))


def namespace_not_found(namespace: str) -> RefusedRequest:
    """404: the namespace an object should be created in is not there."""
    message = f'namespaces "{namespace}" not found'
    return RefusedRequest(Refusal(404, "NotFound", message), kind="namespaces", name=namespace)


def namespace_terminating(resource: Resource, name: str, namespace: str) -> RefusedRequest:
    """403: the namespace is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    message = f'{qualified(resource)} "{name}" is forbidden: {why}'
    cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated")
    cause = cause._replace(field="metadata.namespace")
    return about(resource, name, Refusal(403, "Forbidden", message, (cause,)))


def method_not_allowed(method: str, path: str) -> RefusedRequest:
    """405: the path is served, but not with this method."""
    message = f"{method[:16]} is not supported on {path[:200]}"
    return RefusedRequest(Refusal(405, "MethodNotAllowed", message))


def not_acceptable(types: str) -> RefusedRequest:
    """406: nothing the client accepts can be written."""
    message = f"only the following media types are accepted: {types}"
    return RefusedRequest(Refusal(406, "NotAcceptable", message))


def already_exists(resource: Resource, name: str) -> RefusedRequest:
    """409: the name is taken."""
    message = f'{qualified(resource)} "{name}" already exists'
    return about(resource, name, Refusal(409, "AlreadyExists", message))


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> RefusedRequest:
    """409: somebody else was faster, or a precondition does not hold."""
    message = f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}'
    return about(resource, name, Refusal(409, "Conflict", message))


def expired(message: str) -> Refusal:
    """410: the revision asked for is no longer, or not yet, known."""
    return Refusal(410, "Expired", message)


def too_slow(seconds: int) -> RefusedRequest:
    """408: the body did not arrive."""
    message = f"the request's body did not arrive within {seconds} seconds"
    return RefusedRequest(Refusal(408, "Timeout", message), headers=(CLOSE,))


def too_many_watches(limit: int) -> RefusedRequest:
    """429: one user holds too many watches."""
    message = f"one user may hold at most {limit} watches at a time; end some of them"
    return RefusedRequest(Refusal(429, "TooManyRequests", message))


def too_large(limit: int) -> RefusedRequest:
    """413: the body is larger than the door takes; the rest of it is not read."""
    message = f"the request's body is larger than {limit} bytes"
    refusal = Refusal(413, "RequestEntityTooLarge", message)
    return RefusedRequest(refusal, headers=(CLOSE,))


def unsupported_media(content_type: str, supported: str) -> RefusedRequest:
    """415: the body is in a form that is not read here."""
    shown = content_type[:120]
    message = f'the body of the request was in an unknown format "{shown}"; send {supported}'
    return RefusedRequest(Refusal(415, "UnsupportedMediaType", message))


def invalid(resource: Resource, name: str, errors: Sequence[FieldError]) -> RefusedRequest:
    """422: the object is understood but not valid."""
    return about(resource, name, unprocessable(resource.kind, resource.group, name, errors))


def unavailable(message: str) -> RefusedRequest:
    """503: something the answer needs is out of reach; nothing is wrong with the request."""
    return RefusedRequest(Refusal(503, "ServiceUnavailable", message))


INTERNAL = Refusal(500, "InternalError", "Internal error occurred; the server's log has the cause")


def of_store(resource: Resource, name: str, refused: Refused, key: Key) -> RefusedRequest:
    """Say a store's refusal; `key` is the object that the request is about."""
    if refused.why is Why.ALREADY_EXISTS:
        return already_exists(resource, name)
    if refused.why is Why.NOT_FOUND:
        if refused.key is not None and refused.key != key:
            return conflict(resource, name, f"{refused.key} is gone")
        return not_found(resource, name)
    if refused.why is Why.TOO_LARGE:
        message = f'{qualified(resource)} "{name}": {refused.message}'
        return about(resource, name, Refusal(413, "RequestEntityTooLarge", message))
    if refused.why is Why.CONFLICT:
        return conflict(resource, name)
    if refused.why is Why.MALFORMED:
        return about(resource, name, Refusal(400, "BadRequest", refused.message))
    return about(resource, name, Refusal(403, "Forbidden", refused.message))
