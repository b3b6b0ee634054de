"""How a no looks: a value with the HTTP code, reason and causes of a Kubernetes Status.

Source of codes, reasons and wording: k8s.io/apimachinery/pkg/api/errors and
k8s.io/apimachinery/pkg/util/validation/field. Next: `definitions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

MAX_CAUSES = 50
"""A refusal names at most so many fields: nobody reads more, and answers stay small."""
_MAX_SHOWN = 120
_MAX_PATH = 300


def _cut(path: str) -> str:
    return path if len(path) <= _MAX_PATH else path[:_MAX_PATH] + "..."


class FieldError(NamedTuple):
    """One field that is wrong: its path, the kind of error, and what would be right.

    `reason` is a CauseType of metav1: FieldValueRequired, FieldValueInvalid, …
    """

    path: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{_cut(self.path)}: {self.message}" if self.path else self.message


class Cause(NamedTuple):
    """An entry of Status.details.causes."""

    reason: str
    message: str
    field: str = ""


class Refusal(NamedTuple):
    """A request that cannot be done, as the client will see it."""

    code: int
    reason: str
    message: str
    causes: tuple[Cause, ...] = ()
    name: str = ""
    """The object's name as its body has it, for requests whose path has none."""

    def status(self, *, group: str = "", kind: str = "", name: str = "") -> dict[str, Any]:
        """Write it as a metav1.Status; `kind` is the resource or kind it is about."""
        details: dict[str, Any] = {"name": name or self.name, "group": group, "kind": kind}
        details = {key: value for key, value in details.items() if value}
        if self.causes:
            details["causes"] = [
                {"reason": c.reason, "message": c.message, "field": c.field} for c in self.causes
            ]
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": details,
            "code": self.code,
        }


def required(path: str, why: str = "") -> FieldError:
    """Say that a field must be there."""
    return FieldError(path, f"Required value: {why}" if why else "Required value", _REQUIRED)


def invalid(path: str, value: object, why: str) -> FieldError:
    """Say that a value cannot be used, and what would be right."""
    return FieldError(path, f"Invalid value: {shown(value)}: {why}")


def unsupported(path: str, value: object, allowed: Iterable[str]) -> FieldError:
    """Say that a value is none of the allowed ones."""
    listed = ", ".join(f'"{one}"' for one in allowed)
    message = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return FieldError(path, message, "FieldValueNotSupported")


def forbidden(path: str, why: str) -> FieldError:
    """Say that a field may not be set or changed."""
    return FieldError(path, f"Forbidden: {why}", "FieldValueForbidden")


def duplicate(path: str, value: object) -> FieldError:
    """Say that a value that must be unique occurs twice."""
    return FieldError(path, f"Duplicate value: {shown(value)}", "FieldValueDuplicate")


def too_long(path: str, limit: int) -> FieldError:
    """Say that a value has more bytes than allowed."""
    return FieldError(path, f"Too long: may not be more than {limit} bytes", "FieldValueTooLong")


def too_many(path: str, count: int, limit: int) -> FieldError:
    """Say that a list has more items than allowed."""
    message = f"Too many: {count}: must have at most {limit} items"
    return FieldError(path, message, "FieldValueTooMany")


_REQUIRED = "FieldValueRequired"


def shown(value: object) -> str:
    """Quote a value as Go's %q would, shortened: a refusal is a sentence, not an echo."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and not -(10**30) < value < 10**30:
        return "a huge number"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict | list):
        return "object" if isinstance(value, dict) else "array"
    text = str(value)
    text = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def bad_request(message: str) -> Refusal:
    """400: the request could not be understood."""
    return Refusal(400, "BadRequest", message)


def conflict(what: str, name: str, why: str) -> Refusal:
    """409: `what` is the qualified resource, such as `jobs.batch`."""
    message = f'Operation cannot be fulfilled on {what} "{name}": {why}'
    return Refusal(409, "Conflict", message)


def not_found(what: str, name: str) -> Refusal:
    """404: `what` is the qualified resource."""
    return Refusal(404, "NotFound", f'{what} "{name}" not found')


MODIFIED = "the object has been modified; please apply your changes to the latest version"
MODIFIED += " and try again"


def unprocessable(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> Refusal:
    """422: the object is understood but not valid. At least one error."""
    causes = tuple(Cause(e.reason, e.message, _cut(e.path)) for e in errors[:MAX_CAUSES])
    lines = list(dict.fromkeys(str(error) for error in errors[:MAX_CAUSES]))
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    qualified = f"{kind}.{group}" if group else kind
    name = _cut(name)
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', causes, name)
