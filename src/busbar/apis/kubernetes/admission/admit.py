"""All of admission in one ladder: the first rung that refuses, speaks. Next: `../verbs/`."""

from __future__ import annotations

from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.admission.immutable import immutable
from busbar.apis.kubernetes.admission.reserved import reserved
from busbar.apis.kubernetes.admission.terms import terms
from busbar.apis.kubernetes.statuses import RefusedRequest, forbidden, invalid
from busbar.model.objects import name_of


def admit(change: Change) -> RefusedRequest | None:
    """Give the refusal of a create or update of the main resource; None where it may be."""
    name = name_of(change.new)
    if why := reserved(change):
        return forbidden(change.resource, name, why)
    errors = immutable(change) or terms(change)
    if errors:
        return invalid(change.resource, name, errors)
    return None
