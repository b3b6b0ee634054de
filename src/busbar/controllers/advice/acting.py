"""Acting on advice without being asked each time: only who opted in, within bounds, undoable.

`busbar.dev/act-on-advice` on a workload, or on its Namespace for all in it, lists the types; `none`
on a workload keeps it out. What may be done so costs less and nothing more: requests shrink, by at
most half a step and once a day, never below what was used; a deadline moves by at most
`busbar.dev/advice-delay-max`. Caps are never touched. What was before is kept on the workload
(`busbar.dev/advised-from`), and comes back by `busbar advice revert`, or by itself where a
container then runs out of memory. Next: `controller.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from busbar.advice.finding import AdviceType, Finding
from busbar.advice.profile import read_profile
from busbar.advice.sizing import Sizing, size
from busbar.controllers.advice import words
from busbar.controllers.advice.publishing import Advised
from busbar.controllers.advice.workloads import (
    Workload,
    key_of_subject,
    profile_key,
    requests_by_container,
    subject_of_object,
)
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import remove, update
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    annotations_of,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    with_metadata,
)
from busbar.model.time import DAY, HOUR, Instant, format_instant, parse_duration, parse_instant
from busbar.model.wellknown import ANN_ACT, ANN_ADVISED_FROM, ANN_DELAY_MAX
from busbar.store.contract import Op, Snapshot, Transaction

ACTING = (AdviceType.RIGHT_SIZE, AdviceType.LATER_DEADLINE)
NONE = "none"
PAUSE_MS = DAY
DELAY_MS = 4 * HOUR
"""By how much a deadline may move where nothing else is said."""


def opted_in(snapshot: Snapshot, obj: Object) -> frozenset[str]:
    """Give the types on which something may be done to an object by itself: mostly none."""
    said = annotations_of(obj).get(ANN_ACT)
    if said is None:
        home = snapshot.get(Key("", "namespaces", "", namespace_of(obj)))
        said = annotations_of(home or {}).get(ANN_ACT, "")
    return frozenset(word.strip() for word in said.split(",")) & frozenset(ACTING)


def act(snapshot: Snapshot, found: Iterable[Advised], now: Instant) -> Iterator[Transaction]:
    """Do what was advised and may be done."""
    for finding, known in found:
        if finding.type not in ACTING or finding.patch is None or finding.saving_nano_per_hour <= 0:
            continue
        if spec_of(known or {}).get("dismissed"):
            continue
        ops = _act(snapshot, finding, now)
        if ops:
            yield Transaction(ops)


def _act(snapshot: Snapshot, finding: Finding, now: Instant) -> tuple[Op, ...]:
    key = key_of_subject(finding.subject, finding.namespace)
    target = snapshot.get(key) if key is not None else None
    if target is None or is_deleting(target) or finding.type not in opted_in(snapshot, target):
        return ()
    if now - _acted_at(target) < PAUSE_MS:
        return ()
    if finding.type is AdviceType.LATER_DEADLINE:
        return _later(snapshot, finding, target, now)
    if finding.subject.kind == "Job":
        return ()  # It is sized when its next Pod is made: `sized_job`.
    patch = _half_at_most(target, finding.patch or {})
    return _changed(snapshot, target, finding.type, patch, now)


def _later(snapshot: Snapshot, finding: Finding, job: Object, now: Instant) -> tuple[Op, ...]:
    """Move a deadline, and let go of the slot that was reserved under the old one."""
    assert finding.patch is not None, "only what can be patched is acted on"
    try:
        before = parse_instant(spec_of(job).get("notAfter"), "spec.notAfter")
        after = parse_instant(finding.patch["spec"]["notAfter"], "spec.notAfter")
        most = parse_duration(annotations_of(job).get(ANN_DELAY_MAX, "4h"), ANN_DELAY_MAX)
    except InvalidField:
        return ()
    pod = snapshot.get(Key("", "pods", finding.namespace, finding.release))
    if pod is None or spec_of(pod).get("nodeName") or after - before > most:
        return ()
    changed = _changed(snapshot, job, finding.type, finding.patch, now)
    return (*changed, remove(pod)) if changed and not metadata(pod).get("finalizers") else ()


def sized_job(snapshot: Snapshot, job: Object, now: Instant) -> tuple[Object, tuple[Op, ...]]:
    """Give a Job as its next Pod is to be made of, and what says so.

    As it is, unless it opted in and its earlier runs used clearly less.
    """
    if AdviceType.RIGHT_SIZE not in opted_in(snapshot, job) or now - _acted_at(job) < PAUSE_MS:
        return job, ()
    workload = Workload(namespace_of(job), subject_of_object(job), job, ())
    known = snapshot.get(profile_key(workload.namespace, workload.subject))
    profile = read_profile(known) if known is not None else None
    requests = requests_by_container(workload)
    found = size(profile, requests) if profile is not None and requests else None
    if found is None or not _shrinks(found):
        return job, ()
    patch = words.size_patch(workload, _stepped(found))
    assert patch is not None, "a Job of ours can be patched"
    changed = _patched(job, AdviceType.RIGHT_SIZE, patch, now)
    return changed, (_said(snapshot, job, AdviceType.RIGHT_SIZE, patch, now),)


def undone(snapshot: Snapshot, job: Object, now: Instant) -> tuple[Object, Op] | None:
    """Give a Job as it was before it was sized by itself, and what says so; None: it was not."""
    try:
        said = json.loads(annotations_of(job).get(ANN_ADVISED_FROM, ""))
        before = dict(said["before"])
    except (ValueError, KeyError, TypeError):
        return None
    restored = annotate(merged(job, before), {ANN_ADVISED_FROM: None, ANN_ACT: NONE})
    why = "It ran out of memory with less: what it had before the advice is given back."
    return _next_generation(job, restored), event(
        snapshot, job, now, "AdviceReverted", why, warning=True
    )


def _shrinks(found: Sizing) -> bool:
    """Say whether nothing grows and something shrinks by a fifth."""
    pairs = [(found.now[name], found.better[name]) for name in found.now]
    if any(not after.fits_in(before) for before, after in pairs):
        return False
    return any(
        after.cpu_milli * 5 <= before.cpu_milli * 4
        or after.memory_bytes * 5 <= before.memory_bytes * 4
        for before, after in pairs
    )


def _stepped(found: Sizing) -> Sizing:
    """Go down by half at most."""
    better = {name: _half(found.now[name], found.better[name]) for name in found.now}
    return Sizing(found.now, better)


def _half(before: Resources, after: Resources) -> Resources:
    return Resources(*(max(b, -(-a // 2)) for a, b in zip(before, after, strict=True)))


def _half_at_most(target: Object, patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the patch of a template, within half of what its containers request."""
    workload = Workload("", subject_of_object(target), target, ())
    now, better = words.template_requests(target), words.template_requests(merged(target, patch))
    found = _stepped(Sizing(now, {name: better.get(name, now[name]) for name in now}))
    return words.size_patch(workload, found) or patch if _shrinks(found) else {}


def _changed(
    snapshot: Snapshot, target: Object, kind: AdviceType, patch: Mapping[str, Any], now: Instant
) -> tuple[Op, ...]:
    if not patch or merged(target, patch) == target:
        return ()
    changed = _patched(target, kind, patch, now)
    return (*update(target, changed), _said(snapshot, target, kind, patch, now))


def _patched(target: Object, kind: AdviceType, patch: Mapping[str, Any], now: Instant) -> Object:
    before = _inverse(target, patch)
    note = {"type": kind.value, "at": format_instant(now), "before": before}
    changed = annotate(merged(target, patch), {ANN_ADVISED_FROM: json.dumps(note, sort_keys=True)})
    return _next_generation(target, changed)


def _next_generation(before: Object, after: Object) -> Object:
    return with_metadata(after, generation=int(metadata(before).get("generation") or 1) + 1)


def _said(
    snapshot: Snapshot, target: Object, kind: AdviceType, patch: Mapping[str, Any], now: Instant
) -> Op:
    what = json.dumps(patch, sort_keys=True)[:500]
    back = f"busbar advice revert -n {namespace_of(target)} {target['kind']} {name_of(target)}"
    return event(snapshot, target, now, "AdviceApplied", f"{kind.value}: {what}. Back: {back}")


def _acted_at(target: Object) -> Instant:
    try:
        said = json.loads(annotations_of(target).get(ANN_ADVISED_FROM, ""))
        return parse_instant(said["at"], ANN_ADVISED_FROM)
    except (ValueError, KeyError, TypeError, InvalidField):
        return 0


def merged(obj: Object, patch: Mapping[str, Any]) -> Object:
    """Apply a merge patch (RFC 7396)."""
    found = dict(obj)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            inner = found.get(name)
            found[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            found[name] = value
    return found


def _inverse(obj: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Give the merge patch that brings back what a patch changes."""
    found: dict[str, Any] = {}
    for name, value in patch.items():
        before = obj.get(name)
        if isinstance(value, Mapping) and isinstance(before, dict):
            found[name] = _inverse(before, value)
        else:
            found[name] = before
    return found
