"""Findings as objects: made, kept up to date, and gone when they no longer hold.

An object is written when it is new, when it says something else, and now and then so that it does
not expire; a figure that moves a little is not something else. What was found no longer is kept
until it expires, so that what comes and goes does not flicker; what is dismissed stays dismissed
for as long as it is found. Next: `acting.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from busbar.advice.finding import AdviceType, Finding
from busbar.controllers.advice.workloads import key_of_subject
from busbar.controllers.contract import Collection
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import create, new_object, remove, unchanged, update
from busbar.model.errors import InvalidField
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, is_deleting, spec_of, status_of
from busbar.model.resources import key_of
from busbar.model.time import DAY, HOUR, Instant, format_instant, parse_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Snapshot, Transaction

ADVICES: Collection = (GROUP, "advices")
VENDOR_ADVICES: Collection = (GROUP, "vendoradvices")
ALERTS = frozenset({AdviceType.UNUSUAL_SPENDING, AdviceType.UNUSUAL_USE})
ALERT_MS = DAY
"""How long an alert about one hour stands."""
MOVED_PERCENT = 20
"""By how much a saving has to move to be written anew."""
_NAME_MAX = 40


class Advised(NamedTuple):
    """A finding and the object that says it, where there is one already."""

    finding: Finding
    known: Object | None

    @property
    def is_dismissed(self) -> bool:
        """Say whether its reader does not want it."""
        return bool(spec_of(self.known or {}).get("dismissed"))


def key_of_finding(finding: Finding) -> Key:
    """Give the key of a finding's object: the same advice is the same object."""
    kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in finding.type).lstrip("-")
    suffix = derived_suffix(finding.type, *finding.subject)
    name = f"{kebab}-{finding.subject.name[:_NAME_MAX].lower().rstrip('.-')}-{suffix}"
    return Key(*(VENDOR_ADVICES if finding.vendor else ADVICES), finding.namespace, name)


def advised(snapshot: Snapshot, findings: Iterable[Finding]) -> list[Advised]:
    """Look the findings' objects up."""
    return [Advised(found, snapshot.get(key_of_finding(found))) for found in findings]


def publish(
    snapshot: Snapshot, found: Iterable[Advised], keep_ms: int, now: Instant
) -> Iterator[Transaction]:
    """Give the writes that make the objects say what was found."""
    named = set()
    for one in found:
        named.add(key_of_finding(one.finding))
        ops = _write(snapshot, one, keep_ms, now)
        if ops:
            yield Transaction(ops)
    for collection in (ADVICES, VENDOR_ADVICES):
        for obj in snapshot.list(*collection):
            if key_of(obj) not in named and _expires(obj) <= now:
                yield Transaction((remove(obj),))


def _write(snapshot: Snapshot, one: Advised, keep_ms: int, now: Instant) -> tuple[Op, ...]:
    finding, known = one
    keep = ALERT_MS if finding.type in ALERTS else keep_ms
    since = str(status_of(known or {}).get("since") or format_instant(now))
    status = _status(finding, since, now + keep)
    if known is not None:
        fresh = {**known, "status": status}
        is_news = _says_else(status_of(known), status) or _expires(known) < now + keep // 2
        return update(known, fresh) if is_news else ()
    about = _about(snapshot, finding)
    home = snapshot.get(Key("", "namespaces", "", finding.namespace)) if finding.namespace else None
    if about is None or is_deleting(about) or (finding.namespace and home is None):
        return ()
    if home is not None and is_deleting(home):
        return ()
    key = key_of_finding(finding)
    spec: dict[str, Any] = {"vendor": finding.vendor} if finding.vendor else {}
    made = new_object(key, derived_uid("advice", key.namespace, key.name, now), now)
    said = event(
        snapshot, about, now, finding.type.value, finding.what, warning=finding.type in ALERTS
    )
    held = () if home is None else (unchanged(home),)
    return (create({**made, "spec": spec, "status": status}), said, *held)


def _about(snapshot: Snapshot, finding: Finding) -> Object | None:
    subject = finding.subject
    key = key_of_subject(subject, "" if subject.kind == "Namespace" else finding.namespace)
    return snapshot.get(key) if key is not None else None


def _status(finding: Finding, since: str, expires: Instant) -> dict[str, Any]:
    status: dict[str, Any] = {
        "type": finding.type.value,
        "subject": finding.subject.words,
        "what": finding.what,
        "why": [{"name": name, "value": value} for name, value in finding.why],
        "savingPerHourNano": str(finding.saving_nano_per_hour),
        "savingPerMonthNano": str(finding.saving_nano_per_month),
        "saving": format_euro(finding.saving_nano_per_month, decimals=2),
        "since": since,
        "expires": format_instant(expires),
        "command": finding.command,
    }
    if finding.patch is not None:
        status["patch"] = dict(finding.patch)
    return {**status, "release": finding.release} if finding.release else status


def _says_else(before: dict[str, Any], after: dict[str, Any]) -> bool:
    if any(before.get(field) != after.get(field) for field in ("patch", "command", "release")):
        return True
    was, now = int(before.get("savingPerHourNano") or 0), int(after["savingPerHourNano"])
    return abs(now - was) * 100 > abs(was) * MOVED_PERCENT


def _expires(obj: Object) -> Instant:
    try:
        return parse_instant(status_of(obj).get("expires"), "status.expires")
    except InvalidField:
        return 0


def keep_ms_of(advice_ms: int) -> int:
    """Give how long advice stands that is not found any more."""
    return max(HOUR, 4 * advice_ms)
