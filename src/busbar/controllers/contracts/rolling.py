"""What comes after a contract's last slot: further slots with their hold, or a reason to end.

Slots follow each other without a gap, also where the exchange was down at a slot's end: what ran
meanwhile was promised by nobody, but it is sold at the offer's price and within the cap as soon
as the exchange is back, so that no second that ran goes unpaid. Next: `extending.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec

from busbar.controllers.attestations import claims
from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contracts.money import worth
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.parts.funds import budget_left
from busbar.controllers.parts.writes import with_status
from busbar.controllers.standing import Standing
from busbar.ledger.entries import available
from busbar.market.agreed import Terms, binding, longer
from busbar.market.attested import When
from busbar.market.offers import NOT_OFFERED, Offer, Supply, parse_offer, supply_rows
from busbar.market.reasons import Reason
from busbar.market.restrictions import is_attested, is_signed
from busbar.market.rolling import NotRolled, roll
from busbar.model.errors import InvalidField
from busbar.model.expressions import read_text, to_text
from busbar.model.kinds.contract import ContractSlot, ContractSpec
from busbar.model.objects import Key, Object, annotations_of, spec_of
from busbar.model.time import Instant, format_duration, format_instant
from busbar.model.wellknown import ANN_RESTRICTIONS, GROUP
from busbar.store.contract import Snapshot

_REASONS = {
    Reason.EXPIRED: CloseReason.EXPIRED,
    Reason.NOT_OFFERED: CloseReason.OFFER_WITHDRAWN,
    Reason.OFFER_UNAVAILABLE: CloseReason.OFFER_WITHDRAWN,
    Reason.PRICE_ABOVE_CAP: CloseReason.PRICE_ABOVE_CAP,
}
_STEPS_MAX = 200
"""More slots than that in one decision would be a bug, or an exchange that was down for a week."""


class Next(NamedTuple):
    """Further slots and their hold; where they do not reach `wanted`, why the contract ends."""

    slots: tuple[ContractSlot, ...]
    hold: int
    reason: CloseReason | None = None
    message: str = ""


def with_slots(contract: Object, more: tuple[ContractSlot, ...]) -> Object:
    """Copy with further slots, and with the end that follows from them."""
    if not more:
        return contract
    spec = spec_of(contract)
    slots = [*spec["slots"], *(msgspec.to_builtins(slot) for slot in more)]
    fresh = {**contract, "spec": {**spec, "slots": slots}}
    return with_status(fresh, ends=format_instant(more[-1].end_ms))


def next_slots(
    snapshot: Snapshot, standing: Standing, view: ContractView, wanted: Instant, spent: int
) -> Next:
    """Extend the reserved term until it reaches beyond `wanted`, or say why it does not.

    `spent` is what the namespace was billed this month. A contract with a fixed term is renewed for
    the whole of it, at what the offer's calendar asks now; where that cannot be, slot by slot, and
    for the whole again as soon as it can.
    """
    term = view.spec.fixed_term_ms
    if term and view.end <= wanted:
        whole = _until(snapshot, standing, view, view.end + term - 1, spent)
        if whole.reason is None:
            return whole
    return _until(snapshot, standing, view, wanted, spent)


def _until(
    snapshot: Snapshot, standing: Standing, view: ContractView, wanted: Instant, spent: int
) -> Next:
    """Extend the reserved term until it reaches beyond `wanted`, or say why it does not."""
    signed, stands = _signed(view), snapshot.get(Key(GROUP, "offers", "", view.spec.offer))
    offer = _offer(stands, view.spec.vendor)
    funds = snapshot.balance(available(view.namespace))
    budget = budget_left(snapshot, view.namespace, spent)
    slots, hold, end = list[ContractSlot](), 0, view.end
    for _ in range(_STEPS_MAX):
        if end > wanted:
            break
        agreed = agreed_terms(view.spec, stands, end)
        longest = _longest(offer, agreed)
        if longest is not None and end - view.start >= longest:
            said = f"The vendor runs nothing for longer than {format_duration(longest)}."
            return Next(tuple(slots), hold, CloseReason.OFFER_WITHDRAWN, said)
        calendar = agreed.calendar if agreed is not None else None
        rolled = roll(offer, view.spec.cap_nano, end, view.limit, calendar)
        if isinstance(rolled, NotRolled):
            reason, message = _ending(view, rolled, end)
            return Next(tuple(slots), hold, reason, message)
        more = [ContractSlot(s.start, s.end, s.price_nano) for s in rolled.segments]
        if signed and _has_lapsed(snapshot, standing, view, signed, When(end, more[-1].end_ms)):
            lapsed = CloseReason.ATTESTATION_LAPSED
            return Next(tuple(slots), hold, lapsed, SENTENCES[lapsed])
        cost = sum(worth(slot, view.spec.draw_micro) for slot in more)
        short = _short(hold + cost, funds, budget)
        if short is not None:
            return Next(tuple(slots), hold, short, SENTENCES[short])
        slots, hold, end = slots + more, hold + cost, more[-1].end_ms
    return Next(tuple(slots), hold)


def _ending(view: ContractView, rolled: NotRolled, end: Instant) -> tuple[CloseReason, str]:
    """Say why it is not extended; a vendor's notice outlasts the withdrawal of its offer."""
    reclaim_at, notice = view.status.reclaim_at_ms, view.spec.reclaim_notice_ms
    if reclaim_at is not None and end >= reclaim_at:
        return view.reclaim_reason, SENTENCES[view.reclaim_reason]
    if rolled.reason is Reason.NOT_OFFERED and notice:
        return CloseReason.WITHDRAWN_EARLY, SENTENCES[CloseReason.WITHDRAWN_EARLY]
    return _REASONS[rolled.reason], f"{rolled.message}."


def _signed(view: ContractView) -> str:
    """Give the expression of an order that asks for a signature; "" for most."""
    notes = annotations_of(view.pod) if view.pod is not None else {}
    if ANN_RESTRICTIONS not in notes:
        return ""
    try:
        where = to_text(read_text(notes[ANN_RESTRICTIONS], ANN_RESTRICTIONS))
    except InvalidField:
        return ""
    return where if is_signed(where) else ""


def _has_lapsed(
    snapshot: Snapshot, standing: Standing, view: ContractView, where: str, when: When
) -> bool:
    """Say whether what must be signed of the contract's node and offer is not, for a time.

    An offer that no longer names the node in its selector is asked as if it did: what was signed
    of it is what the consumer relies on.
    """
    row = standing.row(view.spec.node, view.spec.offer) or _row(snapshot, view)
    return row is not None and not is_attested(row, where, when)


def _row(snapshot: Snapshot, view: ContractView) -> Supply | None:
    node = snapshot.get(Key("", "nodes", "", view.spec.node))
    offer = _offer(snapshot.get(Key(GROUP, "offers", "", view.spec.offer)), view.spec.vendor)
    if node is None or offer is None or offer.vendor != view.spec.vendor:
        return None
    whole = replace(offer, selector=())
    return next(iter(supply_rows([whole], [node], lambda _: True, claims(snapshot))), None)


def _short(cost: int, funds: int, budget: int | None) -> CloseReason | None:
    if cost > funds:
        return CloseReason.BALANCE_EXHAUSTED
    if budget is not None and cost > budget:
        return CloseReason.BUDGET_EXHAUSTED
    return None


def agreed_terms(spec: ContractSpec, offer: Object | None, at: Instant) -> Terms | None:
    """Give the terms that still bind a contract's vendor for a slot that begins `at`, if any do."""
    if offer is None:
        return None
    not_before = spec.slots[0].start_ms + spec.minimum_term_ms
    agreed = None if spec.agreed is None else msgspec.to_builtins(spec.agreed)
    found = binding(agreed, offer, spec.reclaim_notice_ms, not_before, at)
    return found if found is None or found.vendor == spec.vendor else None


def _longest(offer: Offer | None, agreed: Terms | None) -> int | None:
    if offer is None:
        return None
    now = offer.refuses.longer_than_ms
    return now if agreed is None else longer((now, agreed.longest_ms))


def _offer(obj: Object | None, vendor: str) -> Offer | None:
    """Read the contract's offer; of one that another vendor has now, nothing is for sale."""
    try:
        offer = parse_offer(obj) if obj is not None else None
    except InvalidField:
        return None
    if offer is not None and offer.vendor != vendor:
        return replace(offer, calendar=NOT_OFFERED)
    return offer
