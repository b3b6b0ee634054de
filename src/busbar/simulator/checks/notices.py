"""I14: a vendor takes capacity back with the notice agreed, or it is said that it did not.

Keeps a list of its own of when nodes and offers were asked back, and of what offers said when: an
edit is no way around the notice. Next: `clearings.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from busbar.market.offers import Offer, parse_offer
from busbar.model.errors import InvalidField
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
from busbar.model.time import MINUTE, Instant
from busbar.model.wellknown import ANN_RECLAIM, RECLAIM_AT_ONCE
from busbar.simulator.checks.base import Step, insist

UNSEEN_MS = 70 * MINUTE
"""How long an exchange that crashes and comes back may leave an edit unseen."""


class Version(NamedTuple):
    """What an offer said from a time on; None: it was gone, or could not be read."""

    since: Instant
    offer: Offer | None


class NoticeCheck:
    """Follows what is taken back, and how contracts end."""

    def __init__(self) -> None:
        self._said: dict[str, list[Version]] = defaultdict(list)
        self._made_under: dict[str, int] = {}
        """The number of the version of its offer that a contract was made under."""
        self._slots: dict[str, int] = {}
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
        for key, obj in step.put:
            if key.resource == "offers":
                self._say(key.name, _read(obj), step.now)
        for key in step.deleted:
            if key.resource == "offers":
                self._say(key.name, None, step.now)
            if key.resource in ("offers", "nodes"):
                self._hasty.add(key)
                self._asking.discard(key)
        for key, obj in step.put:
            if key.resource == "contracts":
                self._made.setdefault(uid_of(obj), step.now)
                self._goes_on(obj)
                if status_of(obj)["phase"] == "Closed" and uid_of(obj) not in self._closed:
                    self._closed.add(uid_of(obj))
                    self._ended(obj, step.now)

    def _say(self, name: str, offer: Offer | None, now: Instant) -> None:
        said = self._said[name]
        if not said or said[-1].offer != offer:
            said.append(Version(now, offer))

    def _goes_on(self, contract: Object) -> None:
        """Check the prices of slots that were added: what was agreed binds for the notice."""
        uid, spec = uid_of(contract), spec_of(contract)
        versions, slots = self._said[spec["offer"]], spec["slots"]
        self._made_under.setdefault(uid, _agreed_under(spec, versions))
        known = self._slots.setdefault(uid, len(slots))
        self._slots[uid] = len(slots)
        for slot in slots[known:]:
            if slot.get("reserved") or not spec.get("reclaimNoticeMs"):
                continue
            asks = self._asked_for(contract, slot["startMs"])
            within = any(ask is None or ask > spec["capNano"] for ask in asks)
            dearest = max((ask for ask in asks if ask is not None), default=0)
            said = f"{name_of(contract)} pays {slot['priceNano']}, agreed was {dearest}"
            insist(within or slot["priceNano"] <= dearest, "I14", said)

    def _asked_for(self, contract: Object, at: Instant) -> list[int | None]:
        """Give what the versions that may bind the vendor at a time ask then; None: nothing."""
        uid, spec = uid_of(contract), spec_of(contract)
        versions, first = self._said[spec["offer"]], self._made_under[uid]
        start = spec["slots"][0]["startMs"]
        until = at - spec["reclaimNoticeMs"]
        if at < start + spec.get("minimumTermMs", 0):
            until = self._made[uid]
        ends = [version.since for version in versions[first + 1 :]]
        begins = [0, *ends]
        binding = [
            version.offer
            for version, begin, end in zip(versions[first:], begins, [*ends, None], strict=True)
            if begin <= max(until, 0) and (end is None or end > until - UNSEEN_MS)
        ]
        if _offer_key(spec) in self._hasty:
            # What an Offer remembers of its edits went with it; a contract has what it was made by.
            binding.append(versions[first].offer)
        return [_ask(offer, spec["vendor"], start, at) for offer in binding]

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
        keys = Key("", "nodes", "", spec["node"]), _offer_key(spec)
        made = self._made[uid_of(contract)]
        times = [at for key in keys for at in self._asked[key] if at >= made]
        if reason == "WithdrawnEarly":
            hasty = any(key in self._hasty for key in keys)
            insist(hasty, "I14", f"{name_of(contract)} is early, though nobody was in haste")
        if reason in ("OfferWithdrawn", "PriceAboveCap") and spec.get("reclaimNoticeMs"):
            asks = self._asked_for(contract, spec["slots"][-1]["endMs"])
            agreed = all(ask is not None and ask <= spec["capNano"] for ask in asks)
            insist(not agreed, "I14", f"{name_of(contract)} ended by an edit: {reason}")
        if reason != "Reclaimed":
            return
        insist(bool(times), "I14", f"{name_of(contract)} is taken back, and nobody asked")
        start, end = spec["slots"][0]["startMs"], spec["slots"][-1]["endMs"]
        notice = spec.get("reclaimNoticeMs", 0)
        due = min(times) + notice if notice else end
        served = now >= due or start >= due
        insist(served, "I14", f"{name_of(contract)} was taken back {due - now} ms too early")


def _offer_key(spec: Mapping[str, Any]) -> Key:
    return Key("busbar.dev", "offers", "", spec["offer"])


def _agreed_under(spec: Mapping[str, Any], versions: list[Version]) -> int:
    """Give the number of the version that a contract is held to: a buyer has its holder's."""
    since = (spec.get("agreed") or {}).get("sinceMs")
    if since is None:
        return len(versions) - 1
    return max((i for i, version in enumerate(versions) if version.since <= since), default=0)


def _read(offer: Object) -> Offer | None:
    """Read what an offer says about how contracts go on; its version is no part of that."""
    try:
        return parse_offer({**offer, "metadata": {"name": name_of(offer)}})
    except InvalidField:
        return None


def _ask(offer: Offer | None, vendor: str, start: Instant, at: Instant) -> int | None:
    if offer is None or offer.vendor != vendor:
        return None
    longest = offer.refuses.longer_than_ms
    return None if longest is not None and at - start >= longest else offer.calendar.ask_at(at)
