"""I14: a vendor takes capacity back with the notice agreed, or it is said that it did not.

Keeps a list of its own of when nodes and offers were asked back. Next: `clearings.py`.
"""

from __future__ import annotations

from collections import defaultdict

from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_RECLAIM, RECLAIM_AT_ONCE
from busbar.simulator.checks.base import Step, insist


class NoticeCheck:
    """Follows what is taken back, and how contracts end."""

    def __init__(self) -> None:
        self._asked: dict[Key, list[Instant]] = defaultdict(list)
        self._asking: set[Key] = set()
        self._made: dict[str, Instant] = {}
        self._hasty: set[Key] = set()
        """Taken back at once, or gone without having waited for its contracts."""
        self._closed: set[str] = set()

    def look(self, step: Step) -> None:
        """Check one commit."""
        for key, obj in step.put:
            if key.resource == "nodes":
                self._ask(key, annotations_of(obj).get(ANN_RECLAIM, ""), step.now)
            elif key.resource == "offers" and is_deleting(obj):
                self._ask(key, "with-notice", step.now)
        for key in step.deleted:
            if key.resource in ("offers", "nodes"):
                self._hasty.add(key)
                self._asking.discard(key)
        for key, obj in step.put:
            if key.resource == "contracts":
                self._made.setdefault(uid_of(obj), step.now)
                if status_of(obj)["phase"] == "Closed" and uid_of(obj) not in self._closed:
                    self._closed.add(uid_of(obj))
                    self._ended(obj, step.now)

    def _ask(self, key: Key, asked: str, now: Instant) -> None:
        if not asked:
            self._asking.discard(key)
        elif key not in self._asking:
            self._asking.add(key)
            self._asked[key].append(now)
        if asked == RECLAIM_AT_ONCE:
            self._hasty.add(key)

    def _ended(self, contract: Object, now: Instant) -> None:
        spec, reason = spec_of(contract), status_of(contract)["reason"]
        keys = Key("", "nodes", "", spec["node"]), Key("busbar.dev", "offers", "", spec["offer"])
        made = self._made[uid_of(contract)]
        times = [at for key in keys for at in self._asked[key] if at >= made]
        if reason == "WithdrawnEarly":
            hasty = any(key in self._hasty for key in keys)
            insist(hasty, "I14", f"{name_of(contract)} is early, though nobody was in haste")
        if reason != "Reclaimed":
            return
        insist(bool(times), "I14", f"{name_of(contract)} is taken back, and nobody asked")
        start, end = spec["slots"][0]["startMs"], spec["slots"][-1]["endMs"]
        notice = spec.get("reclaimNoticeMs", 0)
        due = min(times) + notice if notice else end
        served = now >= due or start >= due
        insist(served, "I14", f"{name_of(contract)} was taken back {due - now} ms too early")
