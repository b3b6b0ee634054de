"""A change as admission sees it, and the two questions asked of it. Next: `reserved.py`."""

from __future__ import annotations

from typing import NamedTuple

from busbar.apis.kubernetes.authorization import Kind, Role
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid
from busbar.model.errors import InvalidField
from busbar.model.objects import Object
from busbar.model.resources import Resource
from busbar.model.time import Instant


class Change(NamedTuple):
    """An object before and after; `old` is None for a create. Both in their stored form."""

    resource: Resource
    role: Role
    old: Object | None
    new: Object
    now: Instant

    @property
    def by_operator(self) -> bool:
        """Say whether an operator asks."""
        return self.role.kind is Kind.OPERATOR


def field_error(error: InvalidField, value: object) -> FieldError:
    """Write a value that the model cannot read as a field error of Kubernetes."""
    return invalid(error.path, value, error.message)
