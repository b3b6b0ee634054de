"""What the market terms of a manifest must mean: prices, times, sizes, calendars.

The schema has said that they are there and of which type; here they are read as the exchange
will read them, so that nothing it cannot read is ever stored. Next: `admit.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from busbar.apis.kubernetes.admission.attestations import unreadable
from busbar.apis.kubernetes.admission.change import Change, field_error
from busbar.apis.kubernetes.schemas.names import wrong_label_name
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, unsupported
from busbar.model.attestations.trust import keys_of
from busbar.model.choosiness import read_limit, read_refuses
from busbar.model.errors import InvalidField
from busbar.model.expressions import (
    node_affinity,
    read_attributes,
    read_expression,
    read_text,
)
from busbar.model.fees import parse_schedule
from busbar.model.fixedterm import read_term
from busbar.model.gangs import GROUP_LABELS, read_size
from busbar.model.hours import read_hours
from busbar.model.money import parse_euro
from busbar.model.objects import (
    Object,
    annotations_of,
    controller_of,
    labels_of,
    name_of,
    spec_of,
)
from busbar.model.quantities import milli, volume, whole
from busbar.model.standing_orders import read_standing_order
from busbar.model.time import (
    HOUR,
    SECOND,
    Instant,
    format_instant,
    parse_duration,
    parse_instant,
    slot_of,
)
from busbar.model.wellknown import (
    ACCOUNT_NAME,
    ANN_ACT,
    ANN_CAP,
    ANN_DELAY_MAX,
    ANN_DURATION,
    ANN_EGRESS_CAP,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_HOURS,
    ANN_MAY_MOVE,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_READ,
    ANN_RECLAIM,
    ANN_RESTRICTIONS,
    ANN_TERM,
    ANN_WRITE,
    RECLAIM_AT_ONCE,
    RECLAIM_WITH_NOTICE,
)

TRADED_MS: Final = 48 * HOUR
"""How far ahead the last slot begins that an order can be matched for (docs/market.md)."""

Reader = Callable[[object, str], object]
Errors = Iterator[FieldError]


def terms(change: Change) -> list[FieldError]:
    """Give the market terms that cannot be read."""
    check = _CHECKS.get(change.resource.collection)
    return list(check(change)) if check is not None else []


def _read(value: object, path: str, reader: Reader) -> Errors:
    try:
        reader(value, path)
    except InvalidField as error:
        yield field_error(error, value)


def _past(value: object, path: str, before: object, now: Instant) -> Errors:
    """Refuse a deadline that is over; one that was stored already may stay as it is."""
    try:
        instant = parse_instant(value, path)
    except InvalidField as error:
        yield field_error(error, value)
        return
    if value != before and instant < now - SECOND:
        why = f"lies in the past (it is {format_instant(now)} now); choose a later time"
        yield invalid(path, value, why)


def _traded(value: object, path: str, before: object, now: Instant) -> Errors:
    """Refuse a start that lies beyond what is traded; one that was stored already may stay."""
    try:
        instant = parse_instant(value, path)
    except InvalidField as error:
        yield field_error(error, value)
        return
    latest = slot_of(now).start + TRADED_MS
    if value != before and instant > latest:
        why = f"lies beyond the 48 hours that are traded; choose {format_instant(latest)} or before"
        yield invalid(path, value, why)


def _job(change: Change) -> Errors:
    spec, old = spec_of(change.new), spec_of(change.old or {})
    if spec.get("notBefore") is not None:
        yield from _traded(spec["notBefore"], "spec.notBefore", old.get("notBefore"), change.now)
    if spec.get("maxEuroPerDTU") is not None:
        yield from _read(spec["maxEuroPerDTU"], "spec.maxEuroPerDTU", parse_euro)
    if spec.get("notAfter") is not None:
        yield from _past(spec["notAfter"], "spec.notAfter", old.get("notAfter"), change.now)
    if spec.get("expectedDuration") is not None:
        yield from _read(spec["expectedDuration"], "spec.expectedDuration", parse_duration)
    if (name := (spec.get("gang") or {}).get("name")) and (why := wrong_label_name(name)):
        yield invalid("spec.gang.name", name, why)
    for field in ("expectedRead", "expectedWrite"):
        if spec.get(field) is not None:
            yield from _read(spec[field], f"spec.{field}", volume)
    if spec.get("maxEgressEuro") is not None:
        yield from _read(spec["maxEgressEuro"], "spec.maxEgressEuro", parse_euro)
    if spec.get("minimumPiece") is not None:
        yield from _read(spec["minimumPiece"], "spec.minimumPiece", parse_duration)
    if spec.get("mayBeInterrupted"):
        yield from _interrupted(spec)
    if spec.get("scriptPath") is not None:
        yield from _script(spec["scriptPath"])
    for index, bucket in enumerate(spec.get("buckets") or ()):
        if why := wrong_label_name(bucket):
            yield invalid(f"spec.buckets[{index}]", bucket, why)
    yield from _acts(change.new)
    yield from _restrictions(spec.get("restrictions") or {})
    resources = spec.get("resources") or {}
    for field, reader in (("cpu", milli), ("memory", whole)):
        if resources.get(field) is not None:
            yield from _size(resources[field], f"spec.resources.{field}", reader)


def _restrictions(restrictions: Mapping[str, Any]) -> Errors:
    """Check the expression; region and vendor are plain names, and the schema has seen to them."""
    wanted = {name: part for name, part in restrictions.items() if name in _EXPRESSION}
    if wanted:
        yield from _expression(wanted, "spec.restrictions", read_expression)


def _expression(value: Any, path: str, reader: Callable[[Any, str], object]) -> Errors:
    """Read an expression; its path says enough, and the whole of it would drown the sentence."""
    try:
        reader(value, path)
    except InvalidField as error:
        yield FieldError(error.path, f"Invalid value: {error.message}")


_EXPRESSION: Final = ("allOf", "anyOf", "not")


def _interrupted(spec: Mapping[str, Any]) -> Errors:
    """Pieces are cut from a length that is known, and lie in hours that may be waited for."""
    path = "spec.mayBeInterrupted"
    if not spec.get("mayWait"):
        yield invalid(path, True, "needs spec.mayWait: pieces lie in the cheapest hours to come")
    if not spec.get("expectedDuration"):
        yield invalid(path, True, "needs spec.expectedDuration: pieces are cut from it")
    if spec.get("gang"):
        yield invalid(path, True, "must not be set with spec.gang: a gang runs at one time")


def _size(value: object, path: str, reader: Callable[[object, str], int]) -> Errors:
    try:
        if reader(value, path) <= 0:
            yield invalid(path, value, "must be more than zero")
    except InvalidField as error:
        yield field_error(error, value)


def _script(path: str) -> Errors:
    bucket, slash, key = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not slash or not key or key.endswith("/"):
        yield invalid("spec.scriptPath", path, "must be /BUCKET/KEY, such as /myjobs/script.py")
    elif why := wrong_label_name(bucket):
        yield invalid("spec.scriptPath", path, f"{bucket!r} is no name of a bucket: {why}")


def _offer(change: Change) -> Errors:
    spec = spec_of(change.new)
    yield from _read(spec.get("pricePerDTU"), "spec.pricePerDTU", parse_euro)
    yield from _expression(spec.get("attributes"), "spec.attributes", read_attributes)
    yield from _expression(spec.get("limits"), "spec.limits", read_limit)
    yield from _expression(spec.get("refuses"), "spec.refuses", read_refuses)
    for field in ("reclaimNotice", "minimumTerm"):
        if spec.get(field) is not None:
            yield from _read(spec[field], f"spec.{field}", parse_duration)
    for way, prices in (spec.get("transfer") or {}).items():
        for name, value in (prices or {}).items():
            yield from _read(value, f"spec.transfer.{way}.{name}", parse_euro)
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
        yield from _read(rule["pricePerDTU"], f"{path}.pricePerDTU", parse_euro)
    if rule.get("date") is not None:
        yield from _read(f"{rule['date']}T00:00:00Z", f"{path}.date", parse_instant)
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
        yield from _read(budget, "spec.budget", parse_euro)


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
        yield from _read(cap, f"metadata.annotations[{ANN_CAP}]", parse_euro)
    yield from _acts(change.new)


ADVICE_ACTS: Final = ("RightSize", "LaterDeadline", "none")


def _acts(obj: Object) -> Errors:
    """Check what may be done on advice without being asked each time."""
    notes, path = annotations_of(obj), "metadata.annotations[{}]"
    for word in notes.get(ANN_ACT, "none").split(","):
        if word.strip() not in ADVICE_ACTS:
            yield unsupported(path.format(ANN_ACT), word.strip(), ADVICE_ACTS)
    if ANN_DELAY_MAX in notes:
        yield from _read(notes[ANN_DELAY_MAX], path.format(ANN_DELAY_MAX), parse_duration)


def _node(change: Change) -> Errors:
    asked = annotations_of(change.new).get(ANN_RECLAIM)
    if asked not in (None, *_RECLAIMS):
        yield unsupported(f"metadata.annotations[{ANN_RECLAIM}]", asked, _RECLAIMS)


_RECLAIMS: Final = (RECLAIM_WITH_NOTICE, RECLAIM_AT_ONCE)


def _pod(change: Change) -> Errors:
    return _order("", change.new, change.old or {}, change.now)


def _template(change: Change) -> Errors:
    before = spec_of(change.old or {}).get("template") or {}
    template = spec_of(change.new).get("template") or {}
    yield from _order("spec.template.", template, before, change.now)


def _batch_job(change: Change) -> Errors:
    yield from _template(change)
    yield from _never_whole(spec_of(change.new), spec_of(change.new).get("template") or {})


def _never_whole(spec: Mapping[str, Any], template: Object) -> Errors:
    """Refuse a Job that is a gang by itself and never has as many Pods at once as it needs."""
    notes, labels = annotations_of(template), labels_of(template)
    size, wide = notes.get(ANN_GANG_SIZE, ""), spec.get("parallelism", 1)
    alone = ANN_GANG not in notes and not labels.keys() & GROUP_LABELS
    if alone and size.isdecimal() and isinstance(wide, int) and 0 < wide < int(size[:9]):
        path = f"spec.template.metadata.annotations[{ANN_GANG_SIZE}]"
        yield invalid(path, size, f"must not be more than spec.parallelism, which is {wide}")


def _service(change: Change) -> Errors:
    yield from _template(change)
    spec = spec_of(change.new)
    notes = annotations_of(spec.get("template") or {})
    path = "spec.template.metadata.annotations[{}]"
    recreates = (spec.get("strategy") or {}).get("type") == "Recreate"
    if change.resource.plural == "deployments" and not recreates and _is_own_gang(spec):
        why = "a rolling update starts fewer Pods at a time than the gang has members; choose the "
        why += "strategy Recreate"
        yield invalid(path.format(ANN_GANG_SIZE), notes[ANN_GANG_SIZE], why)
    if recreates and notes.get(ANN_MAY_MOVE) == "true":
        why = "a move starts the new Pod before the old one ends, and Recreate never runs both; "
        why += "choose the strategy RollingUpdate, or leave it out"
        yield invalid(path.format(ANN_MAY_MOVE), "true", why)


def _replica_set(change: Change) -> Errors:
    """Hours are a Deployment's, which copies its annotations: a set alone would ignore them."""
    yield from _service(change)
    if ANN_HOURS in annotations_of(change.new) and controller_of(change.new) is None:
        path = f"metadata.annotations[{ANN_HOURS}]"
        why = "a ReplicaSet of its own has no hours; state them on a Deployment"
        yield invalid(path, annotations_of(change.new)[ANN_HOURS], why)


def _deployment(change: Change) -> Errors:
    yield from _service(change)
    notes, path = annotations_of(change.new), f"metadata.annotations[{ANN_HOURS}]"
    if ANN_HOURS in notes:
        yield from _read(notes[ANN_HOURS], path, read_hours)


def _is_own_gang(spec: Mapping[str, Any]) -> bool:
    """Say whether the Pods of one template are a gang by themselves."""
    template = spec.get("template") or {}
    notes, labels = annotations_of(template), labels_of(template)
    return ANN_GANG_SIZE in notes and ANN_GANG not in notes and not labels.keys() & GROUP_LABELS


_TRUTHS: Final = ("true", "false")
_AMOUNTS: Final[tuple[tuple[str, Reader], ...]] = (
    (ANN_READ, volume),
    (ANN_WRITE, volume),
    (ANN_EGRESS_CAP, parse_euro),
)


def _order(prefix: str, pod: Object, before: Object, now: Instant) -> Errors:
    """Check the market terms that annotations of a Pod state."""
    notes, old = annotations_of(pod), annotations_of(before)
    path = prefix + "metadata.annotations[{}]"
    if ANN_CAP in notes:
        yield from _read(notes[ANN_CAP], path.format(ANN_CAP), parse_euro)
    if ANN_NOT_BEFORE in notes:
        at = path.format(ANN_NOT_BEFORE)
        yield from _traded(notes[ANN_NOT_BEFORE], at, old.get(ANN_NOT_BEFORE), now)
    if ANN_NOT_AFTER in notes:
        at = path.format(ANN_NOT_AFTER)
        yield from _past(notes[ANN_NOT_AFTER], at, old.get(ANN_NOT_AFTER), now)
    if ANN_DURATION in notes:
        yield from _read(notes[ANN_DURATION], path.format(ANN_DURATION), parse_duration)
    if ANN_TERM in notes:
        yield from _read(notes[ANN_TERM], path.format(ANN_TERM), read_term)
    if ANN_GANG_SIZE in notes:
        yield from _read(notes[ANN_GANG_SIZE], path.format(ANN_GANG_SIZE), read_size)
    if ANN_GANG in notes and (why := wrong_label_name(notes[ANN_GANG])):
        yield invalid(path.format(ANN_GANG), notes[ANN_GANG], why)
    for annotation, reader in _AMOUNTS:
        if annotation in notes:
            yield from _read(notes[annotation], path.format(annotation), reader)
    if ANN_RESTRICTIONS in notes:
        at = path.format(ANN_RESTRICTIONS)
        yield from _expression(notes[ANN_RESTRICTIONS], at, read_text)
    if (spec_of(pod).get("affinity") or {}).get("nodeAffinity"):
        yield from _expression(spec_of(pod), f"{prefix}spec", node_affinity)
    for note in (ANN_MAY_WAIT, ANN_MAY_MOVE):
        if notes.get(note, "true") not in _TRUTHS:
            yield unsupported(path.format(note), notes[note], _TRUTHS)


def _vendor(change: Change) -> Errors:
    stated = spec_of(change.new).get("attributes")
    yield from _expression(stated, "spec.attributes", read_attributes)


def _auditor(change: Change) -> Errors:
    try:
        keys_of(change.new)
    except InvalidField as error:
        yield FieldError(error.path, f"Invalid value: {error.message}")


def _attestation(change: Change) -> Errors:
    yield from unreadable(change.new)


_CHECKS: Final[dict[tuple[str, str], Callable[[Change], Errors]]] = {
    ("busbar.dev", "jobs"): _job,
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
    ("", "pods"): _pod,
    ("batch", "jobs"): _batch_job,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
}
