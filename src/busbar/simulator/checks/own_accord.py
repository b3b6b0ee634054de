"""A1: advice acts where somebody opted in, downwards and within bounds, and says what was before.

A2: what advice there is, is well formed, and gone when it has expired. Next: `liveness.py`.
"""

from __future__ import annotations

import json
from typing import Any

from busbar.advice.finding import AdviceType
from busbar.controllers.settings import Settings
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.quantities import milli, whole
from busbar.model.time import HOUR, Instant, parse_instant
from busbar.model.wellknown import ANN_ACT, ANN_ADVISED_FROM, GROUP
from busbar.simulator.checks.base import Step, insist
from busbar.store.view import View

DELAY_MS_MAX = 4 * HOUR


class AdviceCheck:
    """Remembers each Job, and compares it with what became of it."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Object] = {}
        self.acted = 0
        self.undone = 0

    def look(self, step: Step) -> None:
        """Check the Jobs and the advice that changed in one commit."""
        for key in step.deleted:
            self._jobs.pop(key, None)
        for key, obj in step.put:
            if (key.group, key.resource) == (GROUP, "jobs"):
                before = self._jobs.get(key)
                if before is not None:
                    self._compare(step.view, before, obj)
                self._jobs[key] = obj
            elif key.resource in ("advices", "vendoradvices"):
                _check_advice(obj, step.now)

    def _compare(self, view: View, before: Object, after: Object) -> None:
        was, now = (annotations_of(obj).get(ANN_ADVISED_FROM) for obj in (before, after))
        if was == now:
            return
        if now is not None:
            self.acted += 1
            _check_deed(view, before, after, json.loads(now))
        elif was is not None:
            self.undone += 1
            given_back = _with(spec_of(before), json.loads(was)["before"]["spec"])
            right = spec_of(after) == given_back
            insist(right, "A1", f"job {name_of(after)} was not given back what it had")


def _check_deed(view: View, before: Object, after: Object, note: dict[str, Any]) -> None:
    name, kind = name_of(after), note["type"]
    insist(kind in _opted_in(view, before), "A1", f"job {name}: {kind}, and nobody opted in")
    old, new = dict(spec_of(before)), dict(spec_of(after))
    changed = _part(new, note["before"]["spec"])
    insist(new == _with(old, changed), "A1", f"job {name}: more was changed than is said")
    back = _with(new, note["before"]["spec"])
    insist(old == back, "A1", f"job {name}: what was before is not what is noted")
    if kind == AdviceType.RIGHT_SIZE:
        for read, field in ((milli, "cpu"), (whole, "memory")):
            had, has = (read(spec["resources"][field], field) for spec in (old, new))
            said = f"job {name}: {field} went from {had} to {has}"
            insist(had <= 2 * has and has <= had, "A1", said)
    else:
        had, has = (parse_instant(spec["notAfter"], "notAfter") for spec in (old, new))
        insist(had < has <= had + DELAY_MS_MAX, "A1", f"job {name}: notAfter moved to {has}")


def _part(new: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Give what a spec has of some fields, and of the fields in these."""
    return {
        field: _part(new[field], inner) if isinstance(inner, dict) else new[field]
        for field, inner in fields.items()
    }


def _with(spec: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Give a spec with some fields as they are said, and the others in them as they are."""
    said = {
        field: _with(spec[field], inner)
        if isinstance(inner, dict) and isinstance(spec.get(field), dict)
        else inner
        for field, inner in fields.items()
    }
    return {**spec, **said}


def _opted_in(view: View, job: Object) -> str:
    home = view.get(Key("", "namespaces", "", job["metadata"]["namespace"])) or {}
    return annotations_of(job).get(ANN_ACT, annotations_of(home).get(ANN_ACT, ""))


def _check_advice(obj: Object, now: Instant) -> None:
    status, name = status_of(obj), name_of(obj)
    insist(status.get("type") in list(AdviceType), "A2", f"advice {name} has no type")
    hourly, monthly = (int(status[f"savingPer{per}Nano"]) for per in ("Hour", "Month"))
    insist(monthly == 730 * hourly, "A2", f"advice {name}: {hourly} an hour, {monthly} a month")
    insist(bool(status["what"] and status["why"]), "A2", f"advice {name} rests on nothing")
    insist(parse_instant(status["expires"], "expires") > now, "A2", f"advice {name} is over")


def check_advice(view: View, settings: Settings, now: Instant) -> None:
    """Check a cloud that was left alone: what has expired is gone, also with its namespace."""
    late = now - 2 * settings.advice_ms
    for resource in ("advices", "vendoradvices", "useprofiles"):
        for obj in view.list(GROUP, resource):
            namespace = obj["metadata"].get("namespace")
            home = view.get(Key("", "namespaces", "", namespace)) if namespace else {}
            insist(home is not None, "A2", f"{resource} {name_of(obj)} outlives its namespace")
            expires = status_of(obj).get("expires")
            gone = expires is None or parse_instant(expires, "expires") >= late
            insist(gone, "A2", f"{resource} {name_of(obj)} has expired and is there")
