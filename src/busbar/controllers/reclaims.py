"""Reclaims: a vendor takes capacity back, with the notice that its offers state, or at once.

    Node annotated, Offer deleted --> each open contract there says until when it runs
    all of them closed            --> the Node is `Reclaimed`, the Offer goes

What a contract is told here its own controller carries out (`contracts/running.py`). A contract
without a notice is sold: it ends with the slots it has. Next: `nodes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.contract import NOTHING, Collection, Decision
from busbar.controllers.names import FINALIZER_NOTICE
from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.deletion import release
from busbar.controllers.parts.events import event
from busbar.controllers.parts.pods import pod_key
from busbar.controllers.parts.writes import update, update_status, with_status
from busbar.controllers.standing import Standing
from busbar.market.offers import parse_offer
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    condition,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    with_metadata,
)
from busbar.model.time import SECOND, Instant, format_instant
from busbar.model.wellknown import ANN_RECLAIM, GROUP, RECLAIM_AT_ONCE
from busbar.model.wellknown import RECLAIM_WITH_NOTICE as WITH_NOTICE
from busbar.store.contract import Event, EventType, Op, Snapshot, Transaction

NODES: Collection = ("", "nodes")
OFFERS: Collection = (GROUP, "offers")
AGAIN_MS = 5 * SECOND


class ReclaimController:
    """Tells contracts until when they run, and vendors when all is theirs again."""

    name = "reclaims"
    watches: tuple[Collection, ...] = (NODES, OFFERS)
    coalesce_ms = 0

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake what is taken back, or was a moment ago."""
        if event.type is EventType.DELETED:
            return ()
        if event.key.resource == "offers":
            return (event.key,)
        asked, before = asked_of(event.obj), asked_of(event.previous or {})
        return (event.key,) if asked != before else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one node or offer."""
        obj = snapshot.get(key)
        if obj is None:
            return NOTHING
        if key.resource == "nodes":
            return self._node(snapshot, obj, now)
        return self._offer(snapshot, obj, now)

    def _node(self, snapshot: Snapshot, node: Object, now: Instant) -> Decision:
        asked = asked_of(node)
        there = list(self._standing.at(snapshot).contracts.on(name_of(node)))
        told = _tell(snapshot, there, "Node", asked, now)
        known = condition(node, "Reclaimed")
        if not asked and known is None:
            return Decision(told)
        left = f"{len(there)} contracts are open." if there else "Nothing runs or is reserved here."
        is_done, reason = bool(asked) and not there, asked.title().replace("-", "") or "NotAsked"
        conditions = with_condition(node, "Reclaimed", is_done, now, reason, left)
        ops = update_status(node, conditions=conditions)
        note = f"node {name_of(node)} goes back to its vendor: {left}" if ops and asked else ""
        again = now + AGAIN_MS if asked and there else None
        return Decision((*told, *([Transaction(ops)] if ops else ())), again, note)

    def _offer(self, snapshot: Snapshot, offer: Object, now: Instant) -> Decision:
        holds = FINALIZER_NOTICE in (metadata(offer).get("finalizers") or ())
        if not is_deleting(offer):
            is_owed = not holds and (_has_notice(offer) or self._is_owed(snapshot, offer))
            return Decision((_hold(offer),)) if is_owed else NOTHING
        if not holds:
            return NOTHING
        there = self._under(snapshot, offer)
        if not there:
            note = f"offer {name_of(offer)} is withdrawn: no contract is left under it"
            return Decision((Transaction(release(offer, FINALIZER_NOTICE)),), None, note)
        return Decision(_tell(snapshot, there, "Offer", WITH_NOTICE, now), now + AGAIN_MS)

    def _is_owed(self, snapshot: Snapshot, offer: Object) -> bool:
        """Say whether contracts have a notice that the offer no longer states."""
        there = self._under(snapshot, offer)
        return any(spec_of(contract).get("reclaimNoticeMs") for contract in there)

    def _under(self, snapshot: Snapshot, offer: Object) -> list[Object]:
        """Give the open contracts under an offer, wherever they are, and though it was renamed."""
        vendors = {spec_of(offer).get("vendor")}
        vendors |= {terms.get("vendor") for terms in status_of(offer).get("terms") or ()}
        there = self._standing.at(snapshot).contracts.under(name_of(offer))
        return [contract for contract in there if spec_of(contract)["vendor"] in vendors]


def asked_of(obj: Object) -> str:
    """Give how a Node or Pod is taken back: with notice, at once, or not."""
    asked = annotations_of(obj).get(ANN_RECLAIM, "")
    return asked if asked in (WITH_NOTICE, RECLAIM_AT_ONCE) else ""


def _has_notice(offer: Object) -> bool:
    try:
        return parse_offer(offer).reclaim_notice_ms > 0
    except InvalidField:
        return False


def _hold(offer: Object) -> Transaction:
    kept = [*(metadata(offer).get("finalizers") or ()), FINALIZER_NOTICE]
    return Transaction(update(offer, with_metadata(offer, finalizers=kept)))


def _tell(
    snapshot: Snapshot, contracts: Iterable[Object], by: str, asked: str, now: Instant
) -> tuple[Transaction, ...]:
    found = (told(snapshot, contract, by, asked, now) for contract in contracts)
    return tuple(Transaction(ops) for ops in found if ops)


def told(snapshot: Snapshot, contract: Object, by: str, asked: str, now: Instant) -> tuple[Op, ...]:
    """Give what tells a contract that its capacity is taken back, or no longer is; once."""
    known = status_of(contract).get("reclaimBy", "")
    if not asked:
        nothing = dict.fromkeys(("reclaimBy", "reclaimAtMs", "noticeUntilMs"))
        return update(contract, with_status(contract, **nothing)) if known == by else ()
    terms = _terms(contract, asked, now)
    if known and terms["reclaimAtMs"] >= status_of(contract)["reclaimAtMs"]:
        return ()
    fresh = with_status(contract, **{**terms, "reclaimBy": by})
    return (*update(contract, fresh), *_warned(snapshot, fresh, now))


def _terms(contract: Object, asked: str, now: Instant) -> dict[str, Any]:
    """Give when it is taken back, and until when the notice agreed binds."""
    spec, status = spec_of(contract), status_of(contract)
    start, end = spec["slots"][0]["startMs"], spec["slots"][-1]["endMs"]
    notice = spec.get("reclaimNoticeMs", 0)
    bound = max(now + notice, start + spec.get("minimumTermMs", 0)) if notice else end
    if status.get("noticeUntilMs") is not None:
        bound = status["noticeUntilMs"]
    return {"reclaimAtMs": now if asked == RECLAIM_AT_ONCE else bound, "noticeUntilMs": bound}


def _warned(snapshot: Snapshot, contract: Object, now: Instant) -> tuple[Op, ...]:
    spec, at = spec_of(contract), status_of(contract)["reclaimAtMs"]
    name = (spec.get("order") or {}).get("name", "")
    key = pod_key(namespace_of(contract), name)
    pod = None if spec.get("procurement") else snapshot.get(key)
    when = f"at {format_instant(at)}" if at > now else "now"
    said = f"Vendor {spec['vendor']} takes its capacity on node {spec['node']} back {when}."
    about = pod if pod is not None else contract
    return (event(snapshot, about, now, "ReclaimNotice", said, warning=True),)
