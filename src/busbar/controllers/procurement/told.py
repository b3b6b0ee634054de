"""What a Procurement is told after it has asked: what it holds, what is missing and why.

Next: `../contracts/held.py`, what becomes of what it bought.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from busbar.controllers.market.inputs import Inputs
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.procurement.asks import Ask, stretches
from busbar.controllers.procurement.first import WITH_DRIVER
from busbar.controllers.standing import Standing
from busbar.market.funds import Funds, short_of
from busbar.market.outcome import Clearing, Match, Refusal
from busbar.market.procurement import Stretch, unit_hours
from busbar.market.reasons import ADVICE, Reason
from busbar.model.money import format_euro
from busbar.model.objects import Object, metadata, name_of, namespace_of, status_of
from busbar.model.time import Instant, format_instant
from busbar.store.contract import Op, Snapshot, Transaction


class Answer(NamedTuple):
    """What the market said to one Procurement."""

    ask: Ask
    matches: tuple[Match, ...]
    refusals: tuple[Refusal, ...]
    put_off: int
    """Orders that took no part, for there was no money for them."""
    held: tuple[Object, ...]
    funds: Funds


def answers(
    standing: Standing, snapshot: Snapshot, inputs: Inputs, clearing: Clearing, now: Instant
) -> tuple[Transaction, ...]:
    """Write the answer on each Procurement that asked."""
    if not inputs.asks:
        return ()
    matches = {match.order: match for match in clearing.matches}
    refusals = {refusal.order: refusal for refusal in clearing.refusals}
    found = []
    for ask in inputs.asks:
        namespace, name = namespace_of(ask.procurement), name_of(ask.procurement)
        ids = [order.id for order in ask.orders]
        answer = Answer(
            ask,
            tuple(matches[one] for one in ids if one in matches),
            tuple(refusals[one] for one in ids if one in refusals),
            sum(one not in inputs.standby for one in ids),
            tuple(standing.pools.held_by(namespace, name)),
            inputs.funds[namespace],
        )
        found.append(_write(snapshot, answer, now))
    return tuple(transaction for transaction in found if not transaction.is_empty())


def _write(snapshot: Snapshot, answer: Answer, now: Instant) -> Transaction:
    procurement = answer.ask.procurement
    status = _status(answer, now)
    ops: list[Op] = list(update(procurement, with_status(procurement, **status)))
    if answer.matches:
        ops.append(event(snapshot, procurement, now, "Procured", _bought(answer.matches)))
    known = status_of(procurement).get("reason") or None
    if status["reason"] and status["reason"] != known:
        said = str(status["message"])
        ops.append(event(snapshot, procurement, now, "ProcurementShort", said, warning=True))
    return Transaction(tuple(ops))


def _status(answer: Answer, now: Instant) -> dict[str, Any]:
    ask = answer.ask
    told = {
        "observedGeneration": int(metadata(ask.procurement).get("generation") or 1),
        "triedMs": now,
    }
    if ask.wanted is None or ask.plan is None:
        assert ask.refused is not None
        sentence = f"{ask.refused.sentence}. {ADVICE[Reason.INVALID_ORDER]}"
        none = _short(Reason.INVALID_ORDER.value, sentence)
        return {**told, **none, **_holdings(answer, now), "phase": "Waiting", "missing": None}
    bought = [Stretch(match.start, match.end) for match in answer.matches]
    missing = unit_hours(ask.plan.missing, now) - unit_hours(bought, now)
    holdings = _holdings(answer, now)
    why = _why(answer, missing, unit_hours(ask.plan.missing, now))
    phase = _phase(ask.plan.ends, missing, holdings["unitHours"], now)
    if ask.idle:
        phase = "Ended" if ask.plan.ends is not None else "Waiting"
        why["message"] = ask.idle
    if why["message"] is None:
        why["message"] = _all_is_held(answer) if phase == "Held" else "Its term is over."
    return {
        **told,
        **holdings,
        **why,
        "units": ask.wanted.units,
        "missing": missing,
        "phase": phase,
    }


def _phase(ends: Instant | None, missing: int, held: int, now: Instant) -> str:
    if ends is not None and ends <= now:
        return "Ended"
    if not missing:
        return "Held"
    return "Filling" if held else "Waiting"


def _holdings(answer: Answer, now: Instant) -> dict[str, Any]:
    """Count what is held, with what this batch bought."""
    bought = [Stretch(match.start, match.end) for match in answer.matches]
    every = [*stretches(answer.held), *bought]
    left = sum(int(status_of(c).get("heldNano") or 0) for c in answer.held)
    left += sum(match.hold_nano for match in answer.matches)
    return {
        "unitsNow": sum(s.start <= now < s.end for s in every),
        "unitHours": unit_hours(every, now),
        "committed": format_euro(left),
        "contracts": len(every),
    }


def _why(answer: Answer, missing: int, wanted: int) -> dict[str, Any]:
    """Say why hours are missing: the earliest one speaks for all."""
    if not missing:
        return _short(None, None)
    if answer.refusals:
        first = min(answer.refusals, key=lambda refusal: refusal.order)
        clauses: tuple[str, ...] = ()
        if first.funnel is not None:
            clauses = (*(c.clause for c in first.funnel.counts), *first.funnel.notes)
        reason, sentence = first.reason, first.sentence
    else:
        reason, clause = short_of(answer.funds)
        clauses, sentence = (), f"{clause}. {ADVICE[reason]}"
    head = f"{missing} of {wanted} missing unit hours were not bought"
    return _short(reason.value, f"{head}: {sentence}", clauses)


def _all_is_held(answer: Answer) -> str:
    """Say until when all that is wanted is held; further hours are bought as they come near."""
    ends = [stretch.end for stretch in stretches(answer.held)]
    ends += [match.end for match in answer.matches]
    if not ends:
        return "Nothing is due."
    if answer.ask.driver is not None:
        return f"Every hour is held until {format_instant(min(ends))}{WITH_DRIVER}."
    return f"Every hour is held until {format_instant(max(ends))}."


def _short(reason: str | None, message: str | None, funnel: Sequence[str] = ()) -> dict[str, Any]:
    return {"reason": reason, "message": message, "funnel": list(funnel) or None}


def _bought(matches: Sequence[Match]) -> str:
    hours = unit_hours([Stretch(m.start, m.end) for m in matches], min(m.start for m in matches))
    prices = [segment.price_nano for match in matches for segment in match.segments]
    low, high = format_euro(min(prices)), format_euro(max(prices))
    price = f"{low} €/DTU" if low == high else f"{low} to {high} €/DTU"
    first = format_instant(min(m.start for m in matches))
    last = format_instant(max(m.end for m in matches))
    return f"Bought {hours} unit hours at {price}, from {first} until {last}."
