"""The market controller: when to clear, and in what order to commit. Next: `../books.py`.

There is one key: all orders of a batch are cleared together. The runner keeps at most one batch in
flight, so every batch sees what the last one sold.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import Collection, Decision, earliest
from busbar.controllers.market import drawn, matches, record, refusals
from busbar.controllers.market.coverage import Coverage
from busbar.controllers.market.inputs import Inputs, read_inputs
from busbar.controllers.market.refusals import Answer
from busbar.controllers.parts.fees import Fees
from busbar.controllers.parts.pods import node_of
from busbar.controllers.procurement import told as told_to
from busbar.controllers.procurement.asks import PROCUREMENTS
from busbar.controllers.recording.recorder import Recorder
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.clearing import clear
from busbar.market.outcome import Clearing
from busbar.market.reasons import Reason
from busbar.market.restrictions import is_signed
from busbar.model.objects import Key, Object, condition, metadata, spec_of, status_of
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, EventType, Snapshot, Transaction

_PAID_IN = (Reason.INSUFFICIENT_FUNDS, Reason.BOND_TOO_LOW)
MARKET_KEY = Key(GROUP, "market", "", "now")


class MarketController:
    """Clears all open orders against the book."""

    name = "market"
    watches: tuple[Collection, ...] = (
        ("", "pods"),
        ("", "nodes"),
        ("", "namespaces"),
        (GROUP, "offers"),
        (GROUP, "vendors"),
        (GROUP, "auditors"),
        (GROUP, "attestations"),
        (GROUP, "accounts"),
        (GROUP, "contracts"),
        PROCUREMENTS,
    )

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._settings = settings
        self._standing = standing
        self._recorder = Recorder(settings.record_weight_max)
        self.coalesce_ms = settings.batch_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake the market for a new order, and for whatever may let an old one match."""
        return (MARKET_KEY,) if _matters(event) else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Clear what waits."""
        inputs = read_inputs(self._standing, snapshot, now, self._settings.procure_ms)
        cover = Coverage(self._standing, snapshot, 2 * self._settings.roll_ahead_ms, now)
        due = earliest(inputs.asks_due, cover.due)
        if not (inputs.batch or inputs.refused or inputs.asks or inputs.draws or inputs.without):
            return Decision(cover.transactions, due)
        clearing = clear(inputs.book, inputs.batch, now, funds=inputs.funds)
        decided = self._decide(snapshot, inputs, clearing, now)
        return decided._replace(
            transactions=(*cover.transactions, *decided.transactions),
            requeue_at=earliest(due, decided.requeue_at),
        )

    def _decide(
        self, snapshot: Snapshot, inputs: Inputs, clearing: Clearing, now: Instant
    ) -> Decision:
        name = record.clearing_name(now, snapshot.revision)
        fees = Fees(self._standing, snapshot, self._settings.fee_ppm, now)
        draws = drawn.transactions(snapshot, inputs, now, fees)
        done = matches.transactions(self._standing, snapshot, inputs, clearing, name, now, fees)
        told, again = _tell(snapshot, inputs, clearing, now)
        answers = told_to.answers(self._standing, snapshot, inputs, clearing, now)
        published: tuple[Transaction, ...] = ()
        if inputs.batch and (done or told or inputs.standby):
            kept = self._settings.clearings_kept
            published = (
                record.record(snapshot, self._recorder, name, inputs, clearing, now, kept),
            )
        waiting = sum(r.order in inputs.orders for r in clearing.refusals) + len(inputs.refused)
        note = f"clearing {name}: matched {len(clearing.matches)}, {waiting} wait"
        change = _next_change(inputs, now)
        due = earliest(again, self._payday(clearing, now), change) if waiting else None
        return Decision(
            (*published, *draws, *done, *answers, *told),
            earliest(due, self._next_sale(inputs, clearing)),
            note if published else "",
        )

    def _next_sale(self, inputs: Inputs, clearing: Clearing) -> Instant | None:
        """Give when who is sold a part now will need the hour after: see `coverage.py`."""
        if not inputs.on_sale:
            return None
        pieces = (piece for match in clearing.matches for piece in match.pieces)
        ends = (piece.end for piece in pieces if piece.node in inputs.on_sale)
        first = min(ends, default=None)
        return None if first is None else first - 2 * self._settings.roll_ahead_ms

    def _payday(self, clearing: Clearing, now: Instant) -> Instant | None:
        """Look again soon where only money is missing, or a bond: paying in wakes nobody."""
        short = any(r.reason in _PAID_IN for r in clearing.refusals)
        return now + self._settings.payday_ms if short else None


def _matters(event: Event) -> bool:
    """Say whether a change may let an order match; what controllers write themselves does not."""
    obj, before = event.obj, event.previous
    if event.key.resource == "contracts":
        if before is None and spec_of(obj).get("procurement"):
            return True  # What is held may be for sale.
        if status_of(obj).get("phase") == "Held":
            if before is None or status_of(before).get("phase") != "Held":
                return True
            # A place that goes on covers who draws on it: they wait for that.
            return len(spec_of(obj)["slots"]) > len(spec_of(before)["slots"])
        return status_of(obj).get("phase") == "Closed" or event.type is EventType.DELETED
    if event.key.resource == "pods" and (event.type is EventType.DELETED or node_of(obj)):
        return False
    if before is None or event.type is EventType.DELETED:
        return True
    return _asked(obj) != _asked(before)


def _asked(obj: Object) -> tuple[object, ...]:
    """Give what of an object the market reads."""
    meta, status = metadata(obj), status_of(obj)
    ready = condition(obj, "Ready") or {}
    return (
        spec_of(obj),
        meta.get("labels"),
        meta.get("annotations"),
        meta.get("deletionTimestamp"),
        status.get("allocatable"),
        status.get("capacity"),
        ready.get("status"),
    )


def _tell(
    snapshot: Snapshot, inputs: Inputs, clearing: Clearing, now: Instant
) -> tuple[tuple[Transaction, ...], Instant | None]:
    answers: list[tuple[Object, Answer]] = [
        (inputs.orders[refusal.order].pod, refusals.of_refusal(refusal))
        for refusal in clearing.refusals
        if refusal.order in inputs.orders
    ]
    answers += [(pod, refusals.of_invalid(refused)) for pod, refused in inputs.refused]
    answers += [(pod, refusals.of_unreserved(order)) for pod, order in inputs.without]
    told = [refusals.tell(snapshot, pod, answer, now) for pod, answer in answers]
    writes = tuple(t.transaction for t in told if t.transaction is not None)
    return writes, earliest(*(t.again for t in told))


def _next_change(inputs: Inputs, now: Instant) -> Instant:
    """Give when time alone may change the outcome: a slot, a price, a deadline."""
    slot = slot_of(now)
    changes = [
        piece.start
        for offer in inputs.offers
        for piece in offer.calendar.pieces(now, slot.end)[1:2]
    ]
    deadlines = [
        ordered.order.deadline
        for ordered in inputs.orders.values()
        if ordered.order.deadline is not None and ordered.order.deadline > now
    ]
    begins = [
        one.since
        for row in (inputs.book.supplies if _any_signed(inputs) else ())
        for one in row.attested
        if one.since > now
    ]
    return min(slot.end, *changes, *deadlines, *begins, slot.end)


def _any_signed(inputs: Inputs) -> bool:
    return any(is_signed(ordered.order.eligibility.where) for ordered in inputs.orders.values())
