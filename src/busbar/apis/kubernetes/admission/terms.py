"""What the market terms of a manifest must mean: prices, times, sizes, calendars.

The schema has said that they are there and of which type; here they are read as the exchange
will read them, so that nothing it cannot read is ever stored. Next: `admit.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from busbar.apis.kubernetes.admission import orders
from busbar.apis.kubernetes.admission.attestations import unreadable
from busbar.apis.kubernetes.admission.change import Change, field_error
from busbar.apis.kubernetes.admission.reading import Errors, acts, expression, readable
from busbar.apis.kubernetes.schemas.names import wrong_label_name
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, unsupported
from busbar.model.attestations.trust import keys_of
from busbar.model.choosiness import read_limit, read_refuses
from busbar.model.errors import InvalidField
from busbar.model.expressions import read_attributes
from busbar.model.fees import parse_schedule
from busbar.model.money import parse_euro
from busbar.model.objects import Object, annotations_of, name_of, spec_of
from busbar.model.standing_orders import read_standing_order
from busbar.model.time import SECOND, format_instant, parse_duration, parse_instant
from busbar.model.wellknown import (
    ACCOUNT_NAME,
    ANN_CAP,
    ANN_RECLAIM,
    RECLAIM_AT_ONCE,
    RECLAIM_WITH_NOTICE,
)


def terms(change: Change) -> list[FieldError]:
    """Give the market terms that cannot be read."""
    check = _CHECKS.get(change.resource.collection)
    return list(check(change)) if check is not None else []


def _offer(change: Change) -> Errors:
    spec = spec_of(change.new)
    yield from readable(spec.get("pricePerDTU"), "spec.pricePerDTU", parse_euro)
    yield from expression(spec.get("attributes"), "spec.attributes", read_attributes)
    yield from expression(spec.get("limits"), "spec.limits", read_limit)
    yield from expression(spec.get("refuses"), "spec.refuses", read_refuses)
    for field in ("reclaimNotice", "minimumTerm"):
        if spec.get(field) is not None:
            yield from readable(spec[field], f"spec.{field}", parse_duration)
    for way, prices in (spec.get("transfer") or {}).items():
        for name, value in (prices or {}).items():
            yield from readable(value, f"spec.transfer.{way}.{name}", parse_euro)
    calendar = spec.get("calendar") or {}
    zone = calendar.get("timeZone", "UTC")
    if len(zone) > _ZONE_MAX or not _is_time_zone(zone):
        why = "is no IANA time zone; write one such as Europe/Stockholm"
        yield invalid("spec.calendar.timeZone", zone, why)
    for part in ("rules", "exceptions"):
        for index, rule in enumerate(calendar.get(part) or ()):
            yield from _rule(rule, f"spec.calendar.{part}[{index}]")


def _rule(rule: Mapping[str, Any], path: str) -> Errors:
    if rule.get("pricePerDTU") is not None:
        yield from readable(rule["pricePerDTU"], f"{path}.pricePerDTU", parse_euro)
    if rule.get("date") is not None:
        yield from readable(f"{rule['date']}T00:00:00Z", f"{path}.date", parse_instant)
    if rule.get("from", "00:00") == rule.get("until", "24:00"):
        yield invalid(f"{path}.until", rule.get("until"), "must differ from `from`")


_ZONE_MAX: Final = 64
"""Longer than any IANA name; what is remembered below stays small."""


@lru_cache(maxsize=1024)
def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _account(change: Change) -> Errors:
    name, budget = name_of(change.new), spec_of(change.new).get("budget")
    if name != ACCOUNT_NAME:
        why = f'a namespace has one account, named "{ACCOUNT_NAME}"'
        yield invalid("metadata.name", name, why)
    if budget is not None:
        yield from readable(budget, "spec.budget", parse_euro)


def _fee_schedule(change: Change) -> Errors:
    """Check a schedule; one that has begun may only be ended, and not before now."""
    try:
        parse_schedule(change.new)
    except InvalidField as error:
        yield field_error(error, _at(change.new, error.path))
        return
    if change.old is None:
        return
    before, after = parse_schedule(change.old), parse_schedule(change.new)
    if before.start > change.now or before._replace(version=0) == after._replace(version=0):
        return
    if before._replace(version=0, end=None) != after._replace(version=0, end=None):
        yield FieldError("spec", "Invalid value: it has begun: set spec.until, and make another")
    elif after.end is None or after.end < change.now - SECOND:
        why = f"it has begun: must be a time from now on (it is {format_instant(change.now)})"
        yield invalid("spec.until", spec_of(change.new).get("until"), why)


def _procurement(change: Change) -> Errors:
    try:
        read_standing_order(spec_of(change.new))
    except InvalidField as error:
        yield field_error(error, _at(change.new, error.path))


def _at(obj: Object, path: str) -> object:
    value: object = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _bucket(change: Change) -> Errors:
    name = name_of(change.new)
    if why := wrong_label_name(name):
        yield invalid("metadata.name", name, why)


def _namespace(change: Change) -> Errors:
    cap = annotations_of(change.new).get(ANN_CAP)
    if cap is not None:
        yield from readable(cap, f"metadata.annotations[{ANN_CAP}]", parse_euro)
    yield from acts(change.new)


def _node(change: Change) -> Errors:
    asked = annotations_of(change.new).get(ANN_RECLAIM)
    if asked not in (None, *_RECLAIMS):
        yield unsupported(f"metadata.annotations[{ANN_RECLAIM}]", asked, _RECLAIMS)


_RECLAIMS: Final = (RECLAIM_WITH_NOTICE, RECLAIM_AT_ONCE)


def _vendor(change: Change) -> Errors:
    stated = spec_of(change.new).get("attributes")
    yield from expression(stated, "spec.attributes", read_attributes)


def _auditor(change: Change) -> Errors:
    try:
        keys_of(change.new)
    except InvalidField as error:
        yield FieldError(error.path, f"Invalid value: {error.message}")


def _attestation(change: Change) -> Errors:
    yield from unreadable(change.new)


_CHECKS: Final[dict[tuple[str, str], Callable[[Change], Errors]]] = {
    ("busbar.dev", "jobs"): orders.job,
    ("busbar.dev", "offers"): _offer,
    ("busbar.dev", "vendors"): _vendor,
    ("busbar.dev", "auditors"): _auditor,
    ("busbar.dev", "attestations"): _attestation,
    ("busbar.dev", "accounts"): _account,
    ("busbar.dev", "feeschedules"): _fee_schedule,
    ("busbar.dev", "buckets"): _bucket,
    ("busbar.dev", "procurements"): _procurement,
    ("", "namespaces"): _namespace,
    ("", "nodes"): _node,
    ("", "pods"): orders.pod,
    ("batch", "jobs"): orders.batch_job,
    ("apps", "deployments"): orders.deployment,
    ("apps", "replicasets"): orders.replica_set,
}
