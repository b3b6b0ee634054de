"""What an order states, whichever kind it comes in: Jobs, Pods, and templates that become Pods.

Next: `terms.py`, which says what is checked for which kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from busbar.apis.kubernetes.admission.change import Change, field_error
from busbar.apis.kubernetes.admission.reading import (
    Errors,
    Reader,
    acts,
    expression,
    readable,
    size,
)
from busbar.apis.kubernetes.schemas.checks.pod import check_tolerations
from busbar.apis.kubernetes.schemas.names import wrong_label_name
from busbar.apis.kubernetes.schemas.refusals import invalid, unsupported
from busbar.model.errors import InvalidField
from busbar.model.expressions import node_affinity, read_expression, read_text
from busbar.model.fixedterm import read_term
from busbar.model.gangs import GROUP_LABELS, read_size
from busbar.model.hours import read_hours
from busbar.model.money import parse_euro
from busbar.model.objects import Object, annotations_of, controller_of, labels_of, spec_of
from busbar.model.quantities import milli, volume, whole
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
    ANN_CAP,
    ANN_DURATION,
    ANN_EGRESS_CAP,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_HOURS,
    ANN_MAY_MOVE,
    ANN_MAY_WAIT,
    ANN_MOVE_HOURS,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_READ,
    ANN_RESTRICTIONS,
    ANN_TERM,
    ANN_WRITE,
)

TRADED_MS: Final = 48 * HOUR
"""How far ahead the last slot begins that an order can be matched for (docs/market.md)."""
_EXPRESSION: Final = ("allOf", "anyOf", "not")
_TRUTHS: Final = ("true", "false")
_AMOUNTS: Final[tuple[tuple[str, Reader], ...]] = (
    (ANN_READ, volume),
    (ANN_WRITE, volume),
    (ANN_EGRESS_CAP, parse_euro),
)


def job(change: Change) -> Errors:
    """Check a Job of busbar.dev."""
    spec, old = spec_of(change.new), spec_of(change.old or {})
    if spec.get("notBefore") is not None:
        yield from _traded(spec["notBefore"], "spec.notBefore", old.get("notBefore"), change.now)
    if spec.get("maxEuroPerDTU") is not None:
        yield from readable(spec["maxEuroPerDTU"], "spec.maxEuroPerDTU", parse_euro)
    if spec.get("notAfter") is not None:
        yield from _past(spec["notAfter"], "spec.notAfter", old.get("notAfter"), change.now)
    if spec.get("expectedDuration") is not None:
        yield from readable(spec["expectedDuration"], "spec.expectedDuration", parse_duration)
    if (name := (spec.get("gang") or {}).get("name")) and (why := wrong_label_name(name)):
        yield invalid("spec.gang.name", name, why)
    for field in ("expectedRead", "expectedWrite"):
        if spec.get(field) is not None:
            yield from readable(spec[field], f"spec.{field}", volume)
    if spec.get("maxEgressEuro") is not None:
        yield from readable(spec["maxEgressEuro"], "spec.maxEgressEuro", parse_euro)
    if spec.get("minimumPiece") is not None:
        yield from readable(spec["minimumPiece"], "spec.minimumPiece", parse_duration)
    if spec.get("mayBeInterrupted"):
        yield from _interrupted(spec)
    if spec.get("scriptPath") is not None:
        yield from _script(spec["scriptPath"])
    for index, bucket in enumerate(spec.get("buckets") or ()):
        if why := wrong_label_name(bucket):
            yield invalid(f"spec.buckets[{index}]", bucket, why)
    yield from check_tolerations(spec.get("tolerations") or [], "spec.tolerations")
    yield from acts(change.new)
    yield from _restrictions(spec.get("restrictions") or {})
    resources = spec.get("resources") or {}
    for field, reader in (("cpu", milli), ("memory", whole)):
        if resources.get(field) is not None:
            yield from size(resources[field], f"spec.resources.{field}", reader)


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


def _restrictions(restrictions: Mapping[str, Any]) -> Errors:
    """Check the expression; region and vendor are plain names, and the schema has seen to them."""
    wanted = {name: part for name, part in restrictions.items() if name in _EXPRESSION}
    if wanted:
        yield from expression(wanted, "spec.restrictions", read_expression)


def _interrupted(spec: Mapping[str, Any]) -> Errors:
    """Pieces are cut from a length that is known, and lie in hours that may be waited for."""
    path = "spec.mayBeInterrupted"
    if not spec.get("mayWait"):
        yield invalid(path, True, "needs spec.mayWait: pieces lie in the cheapest hours to come")
    if not spec.get("expectedDuration"):
        yield invalid(path, True, "needs spec.expectedDuration: pieces are cut from it")
    if spec.get("gang"):
        yield invalid(path, True, "must not be set with spec.gang: a gang runs at one time")


def _script(path: str) -> Errors:
    bucket, slash, key = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not slash or not key or key.endswith("/"):
        yield invalid("spec.scriptPath", path, "must be /BUCKET/KEY, such as /myjobs/script.py")
    elif why := wrong_label_name(bucket):
        yield invalid("spec.scriptPath", path, f"{bucket!r} is no name of a bucket: {why}")


def pod(change: Change) -> Errors:
    """Check a Pod of its own."""
    return _order("", change.new, change.old or {}, change.now)


def batch_job(change: Change) -> Errors:
    """Check the Pods of a batch Job."""
    yield from _template(change)
    yield from _never_whole(spec_of(change.new), spec_of(change.new).get("template") or {})


def deployment(change: Change) -> Errors:
    """Check the Pods of a Deployment, and its hours."""
    yield from _service(change)
    yield from _hours(change, ANN_HOURS)
    yield from _hours(change, ANN_MOVE_HOURS)


def replica_set(change: Change) -> Errors:
    """Hours are a Deployment's, which copies its annotations: a set alone would ignore them."""
    yield from _service(change)
    if controller_of(change.new) is None:
        yield from _hours(change, ANN_MOVE_HOURS)
    if ANN_HOURS in annotations_of(change.new) and controller_of(change.new) is None:
        path = f"metadata.annotations[{ANN_HOURS}]"
        why = "a ReplicaSet of its own has no hours; state them on a Deployment"
        yield invalid(path, annotations_of(change.new)[ANN_HOURS], why)


def _hours(change: Change, annotation: str) -> Errors:
    text = annotations_of(change.new).get(annotation)
    if text is not None:
        yield from readable(text, f"metadata.annotations[{annotation}]", read_hours)


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


def _template(change: Change) -> Errors:
    before = spec_of(change.old or {}).get("template") or {}
    template = spec_of(change.new).get("template") or {}
    yield from _order("spec.template.", template, before, change.now)


def _never_whole(spec: Mapping[str, Any], template: Object) -> Errors:
    """Refuse a Job that is a gang by itself and never has as many Pods at once as it needs."""
    notes, labels = annotations_of(template), labels_of(template)
    size, wide = notes.get(ANN_GANG_SIZE, ""), spec.get("parallelism", 1)
    alone = ANN_GANG not in notes and not labels.keys() & GROUP_LABELS
    if alone and size.isdecimal() and isinstance(wide, int) and 0 < wide < int(size[:9]):
        path = f"spec.template.metadata.annotations[{ANN_GANG_SIZE}]"
        yield invalid(path, size, f"must not be more than spec.parallelism, which is {wide}")


def _is_own_gang(spec: Mapping[str, Any]) -> bool:
    """Say whether the Pods of one template are a gang by themselves."""
    template = spec.get("template") or {}
    notes, labels = annotations_of(template), labels_of(template)
    return ANN_GANG_SIZE in notes and ANN_GANG not in notes and not labels.keys() & GROUP_LABELS


def _order(prefix: str, pod: Object, before: Object, now: Instant) -> Errors:
    """Check the market terms that annotations of a Pod state."""
    notes, old = annotations_of(pod), annotations_of(before)
    path = prefix + "metadata.annotations[{}]"
    if ANN_CAP in notes:
        yield from readable(notes[ANN_CAP], path.format(ANN_CAP), parse_euro)
    if ANN_NOT_BEFORE in notes:
        at = path.format(ANN_NOT_BEFORE)
        yield from _traded(notes[ANN_NOT_BEFORE], at, old.get(ANN_NOT_BEFORE), now)
    if ANN_NOT_AFTER in notes:
        at = path.format(ANN_NOT_AFTER)
        yield from _past(notes[ANN_NOT_AFTER], at, old.get(ANN_NOT_AFTER), now)
    if ANN_DURATION in notes:
        yield from readable(notes[ANN_DURATION], path.format(ANN_DURATION), parse_duration)
    if ANN_TERM in notes:
        yield from readable(notes[ANN_TERM], path.format(ANN_TERM), read_term)
    if ANN_GANG_SIZE in notes:
        yield from readable(notes[ANN_GANG_SIZE], path.format(ANN_GANG_SIZE), read_size)
    if ANN_GANG in notes and (why := wrong_label_name(notes[ANN_GANG])):
        yield invalid(path.format(ANN_GANG), notes[ANN_GANG], why)
    for annotation, reader in _AMOUNTS:
        if annotation in notes:
            yield from readable(notes[annotation], path.format(annotation), reader)
    if ANN_RESTRICTIONS in notes:
        at = path.format(ANN_RESTRICTIONS)
        yield from expression(notes[ANN_RESTRICTIONS], at, read_text)
    if (spec_of(pod).get("affinity") or {}).get("nodeAffinity"):
        yield from expression(spec_of(pod), f"{prefix}spec", node_affinity)
    for note in (ANN_MAY_WAIT, ANN_MAY_MOVE):
        if notes.get(note, "true") not in _TRUTHS:
            yield unsupported(path.format(note), notes[note], _TRUTHS)
