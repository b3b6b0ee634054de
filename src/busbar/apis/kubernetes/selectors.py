"""Label and field selectors, parsed to predicates over objects. Pure. Next:
`verbs/list.py`, which uses them.

Source: k8s.io/apimachinery/pkg/labels (grammar) and the per-kind field labels of the API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from busbar.model.objects import Object, labels_of
from busbar.model.resources import Resource

Predicate = Callable[[Object], bool]

_REQUIREMENTS_MAX = 64
_TEXT_MAX = 16_384
_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_SET = re.compile(rf"\A({_KEY})\s+(in|notin)\s*\(([^()]*)\)\Z")
_EQUAL = re.compile(rf"\A({_KEY})\s*(==|!=|=)\s*({_VALUE})\Z")
_ORDER = re.compile(rf"\A({_KEY})\s*(>|<)\s*(-?\d{{1,18}})\Z")
_PRESENT = re.compile(rf"\A(!?)\s*({_KEY})\Z")
_ONE_VALUE = re.compile(rf"\A{_VALUE}\Z")


class BadSelector(ValueError):
    """A selector that cannot be read; the text says what would be right."""


class Requirement(NamedTuple):
    """One condition on a label: `in`, `notin`, `exists`, `absent`, `gt`, `lt`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: dict[str, str]) -> bool:
        """Say whether labels meet it."""
        value = labels.get(self.key)
        if self.operator == "in":
            return value is not None and value in self.values
        if self.operator == "notin":
            return value is None or value not in self.values
        if self.operator == "exists":
            return value is not None
        if self.operator == "absent":
            return value is None
        return value is not None and _ordered(self.operator, value, self.values[0])


def _ordered(operator: str, value: str, bound: str) -> bool:
    if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        return False
    return int(value) > int(bound) if operator == "gt" else int(value) < int(bound)


@lru_cache(maxsize=256)
def parse_labels(text: str) -> tuple[Requirement, ...]:
    """Read a label selector such as `app=web,tier in (a, b),!canary`; raises `BadSelector`."""
    if len(text) > _TEXT_MAX:
        raise BadSelector(f"a label selector has at most {_TEXT_MAX} characters")
    parts = [part.strip() for part in _split(text)] if text.strip() else []
    if len(parts) > _REQUIREMENTS_MAX:
        raise BadSelector(f"a label selector has at most {_REQUIREMENTS_MAX} requirements")
    return tuple(_requirement(part) for part in parts)


def _split(text: str) -> Iterable[str]:
    """Split at the commas outside parentheses."""
    depth, start = 0, 0
    for index, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _requirement(part: str) -> Requirement:
    if match := _EQUAL.match(part):
        key, sign, value = match.groups()
        return Requirement(key, "notin" if sign == "!=" else "in", (value,))
    if match := _SET.match(part):
        key, operator, listed = match.groups()
        values = tuple(value.strip() for value in listed.split(","))
        if all(_ONE_VALUE.match(value) for value in values):
            return Requirement(key, operator, values)
    if match := _ORDER.match(part):
        key, sign, bound = match.groups()
        return Requirement(key, "gt" if sign == ">" else "lt", (bound,))
    if match := _PRESENT.match(part):
        return Requirement(match.group(2), "absent" if match.group(1) else "exists")
    shown = part if len(part) <= 80 else part[:77] + "..."
    raise BadSelector(
        f"unable to parse requirement {shown!r}: write key=value, key!=value, key in (a,b), "
        "key notin (a,b), key or !key, separated by commas"
    )


def by_labels(text: str) -> Predicate | None:
    """Give the predicate of a label selector; None where it selects everything."""
    requirements = parse_labels(text)
    if not requirements:
        return None

    def holds(obj: Object) -> bool:
        labels = labels_of(obj)
        return all(requirement.holds(labels) for requirement in requirements)

    return holds


class Term(NamedTuple):
    """One condition on a field: equal or not equal to a value."""

    path: str
    equal: bool
    value: str


_EVERYWHERE = ("metadata.name", "metadata.namespace")
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("batch", "jobs"): ("status.successful",),
    ("busbar.dev", "jobs"): ("status.phase", "status.node", "status.vendor"),
    ("busbar.dev", "contracts"): ("spec.vendor", "spec.node", "status.phase"),
    ("busbar.dev", "offers"): ("spec.vendor",),
}
_STORED_AS = {
    "source": "source.component",
    "status.successful": "status.succeeded",
}
_DEFAULTS = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.successful": "0"}


def supported_fields(resource: Resource) -> tuple[str, ...]:
    """Give the fields that a resource can be selected by."""
    return (*_EVERYWHERE, *_FIELDS.get(resource.collection, ()))


@lru_cache(maxsize=256)
def parse_fields(text: str) -> tuple[Term, ...]:
    """Read a field selector such as `spec.nodeName=a,status.phase!=Failed`."""
    if len(text) > _TEXT_MAX:
        raise BadSelector(f"a field selector has at most {_TEXT_MAX} characters")
    terms = []
    for part in _pieces(text):
        for sign, equal in (("!=", False), ("==", True), ("=", True)):
            path, found, value = part.partition(sign)
            if found:
                terms.append(Term(path.strip(), equal, _unescaped(value)))
                break
        else:
            raise BadSelector(f"invalid selector: {part[:80]!r}; write field=value or field!=value")
    if len(terms) > _REQUIREMENTS_MAX:
        raise BadSelector(f"a field selector has at most {_REQUIREMENTS_MAX} terms")
    return tuple(terms)


def _pieces(text: str) -> list[str]:
    """Split at the commas that no backslash precedes."""
    return [piece for piece in re.split(r"(?<!\\),", text) if piece.strip()]


def _unescaped(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def by_fields(resource: Resource, text: str) -> Predicate | None:
    """Give the predicate of a field selector; raises `BadSelector` for fields not offered."""
    terms = parse_fields(text)
    if not terms:
        return None
    offered = supported_fields(resource)
    for term in terms:
        if term.path not in offered:
            raise BadSelector(
                f"field label not supported: {term.path[:80]}; "
                f"{resource.plural} can be selected by {', '.join(offered)}"
            )
    readers = tuple((_reader(term.path), term.equal, term.value) for term in terms)

    def holds(obj: Object) -> bool:
        return all((read(obj) == value) is equal for read, equal, value in readers)

    return holds


def _reader(path: str) -> Callable[[Object], str]:
    steps = tuple(_STORED_AS.get(path, path).split("."))
    default = _DEFAULTS.get(path, "")

    def read(obj: Object) -> str:
        value: Any = obj
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return default
        return str(value).lower() if isinstance(value, bool) else str(value)

    return read


def pinned(text: str, path: str) -> str | None:
    """Give the value that a field selector insists on for a field; None where it does not."""
    for term in parse_fields(text):
        if term.path == path and term.equal:
            return term.value
    return None


def both(*predicates: Predicate | None) -> Predicate | None:
    """Join predicates; None stands for everything."""
    kept = tuple(one for one in predicates if one is not None)
    if len(kept) < 2:
        return kept[0] if kept else None
    return lambda obj: all(one(obj) for one in kept)
