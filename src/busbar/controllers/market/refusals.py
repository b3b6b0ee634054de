"""Telling an order why it did not match, once for each change of the answer.

The reason is written when it changes; a mere change of numbers in the funnel at most every few
seconds: in a busy market they change with every batch, and each write wakes watchers.
Next: `record.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.controllers.parts.conditions import with_condition
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import update, with_status
from busbar.market.orders import Order, OrderRefused
from busbar.market.outcome import Refusal
from busbar.market.reasons import ADVICE, Reason
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, condition
from busbar.model.time import SECOND, Instant, format_instant, parse_instant
from busbar.store.contract import Op, Snapshot, Transaction

REPEAT_MS = 5 * SECOND


class Answer(NamedTuple):
    """What a refused order is told: a word, a sentence, the funnel's clauses."""

    reason: Reason
    message: str
    funnel: tuple[str, ...] = ()


class Told(NamedTuple):
    """The write that tells it, if any, and when to look again if the write was put off."""

    transaction: Transaction | None = None
    again: Instant | None = None


def of_refusal(refusal: Refusal) -> Answer:
    """Give the answer of a clearing."""
    funnel = refusal.funnel
    clauses = () if funnel is None else (*(c.clause for c in funnel.counts), *funnel.notes)
    return Answer(refusal.reason, refusal.sentence, tuple(clauses))


def of_invalid(refused: OrderRefused) -> Answer:
    """Give the answer to a Pod that cannot be an order."""
    sentence = f"{refused.sentence}. {ADVICE[Reason.INVALID_ORDER]}"
    return Answer(Reason.INVALID_ORDER, sentence)


def of_unreserved(order: Order) -> Answer:
    """Give the answer to an order that draws on one Procurement, which has no room for it."""
    said = f"{order.reservation} holds no room for it where it may run now"
    return Answer(Reason.NOTHING_RESERVED, f"{said}. {ADVICE[Reason.NOTHING_RESERVED]}")


def tell(snapshot: Snapshot, pod: Object, answer: Answer, now: Instant) -> Told:
    """Write the answer on the Pod where it differs from what stands there."""
    known = condition(pod, "PodScheduled") or {}
    same = known.get("status") == "False" and known.get("reason") == answer.reason.value
    if same and known.get("message") == answer.message:
        return Told()
    due = _last_told(known) + REPEAT_MS
    if same and now < due:
        return Told(again=due)
    conditions = with_condition(
        pod, "PodScheduled", False, now, answer.reason.value, answer.message
    )
    conditions = [_probed(c, now) for c in conditions]
    refused = with_status(
        pod,
        conditions=conditions,
        busbar={"funnel": list(answer.funnel)} if answer.funnel else None,
    )
    ops: list[Op] = list(update(pod, refused))
    if not same:
        ops.append(event(snapshot, pod, now, "FailedScheduling", answer.message, warning=True))
    return Told(Transaction(tuple(ops)))


def _probed(entry: dict[str, Any], now: Instant) -> dict[str, Any]:
    if entry.get("type") != "PodScheduled":
        return entry
    return {**entry, "lastProbeTime": format_instant(now)}


def _last_told(known: dict[str, Any]) -> Instant:
    try:
        return parse_instant(known.get("lastProbeTime"), "lastProbeTime")
    except InvalidField:
        return 0
